"""How the changes of chats side by side become fewer: order is kept where it counts."""

from __future__ import annotations

from workbench.widgets.panes import merged


def test_pieces_of_each_chat_are_joined_whatever_came_between() -> None:
    ops = [["pane", pane, ["text", "m", piece]] for piece in ("a", "b") for pane in ("1", "2")]
    assert merged(ops) == [["pane", "1", ["text", "m", "ab"]], ["pane", "2", ["text", "m", "ab"]]]


def test_a_chat_that_comes_is_there_before_its_changes_and_one_that_goes_after_them() -> None:
    row, text = {"id": "2", "view": {}}, ["text", "m", "a"]
    ops = [["pane", "1", text], ["row", row], ["pane", "2", text], ["drop", "1"], ["state", {"names": {"2": "x"}}]]
    assert merged(ops) == [
        ["pane", "1", text],
        ["row", row],
        ["pane", "2", text],
        ["drop", "1"],
        ["state", {"names": {"2": "x"}}],
    ]


def test_of_the_names_the_last_count() -> None:
    assert merged([["state", {"names": {"1": "a"}}], ["state", {"names": {"1": "b"}}]]) == [
        ["state", {"names": {"1": "b"}}]
    ]
