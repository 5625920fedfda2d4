from __future__ import annotations

import threading

import pytest

from workbench.messages import Message, Text, assistant, user
from workbench.options import GenerationOptions
from workbench.sessions.answer import Answer
from workbench.sessions.stored import copied, ended, stored, tree_of
from workbench.sessions.tree import Node, Tree, newest_end, place, turns_of

CHANGED = threading.Condition()


def said(text: str) -> Node:
    return Node(plain=user(text))


def answered(text: str, status: str = "done") -> Node:
    answer = Answer("tiny", GenerationOptions())
    answer.pieces = [text] if text else []
    answer.status = status  # type: ignore[assignment]  # one of them
    return Node(reply=ended(answer, CHANGED))


def texts(nodes: list[Node]) -> list[str]:
    return [node.message.text if node.message is not None else "" for node in nodes]


def grown() -> tuple[Tree, dict[str, Node]]:
    """``a - 1 - b - 2``, beside ``1`` a ``1'`` with ``c - 3`` below it."""
    tree, nodes = Tree(), {}
    for name, parent in (("a", ""), ("1", "a"), ("b", "1"), ("2", "b"), ("1'", "a"), ("c", "1'"), ("3", "c")):
        made = said(name) if name in "abc" else answered(name)
        nodes[name] = tree.add(made, nodes.get(parent, tree.ground))
    tree.show(nodes["2"])
    return tree, nodes


def test_the_path_goes_through_the_chosen_children() -> None:
    tree, nodes = grown()
    assert texts(tree.path()) == ["a", "1", "b", "2"]
    tree.show(nodes["1'"])
    assert texts(tree.path()) == ["a", "1'", "c", "3"], "down to the newest end"
    tree.show(nodes["a"])
    assert tree.end() is nodes["3"], "the newest of all below"
    tree.show(nodes["1"])
    assert tree.end() is nodes["2"]
    assert newest_end(nodes["a"]) is nodes["3"]


def test_a_place_names_the_siblings() -> None:
    _, nodes = grown()
    assert place(nodes["1"]) == {"index": 1, "count": 2, "previous": None, "next": nodes["1'"].id}
    assert place(nodes["1'"]) == {"index": 2, "count": 2, "previous": nodes["1"].id, "next": None}
    assert place(nodes["a"])["count"] == 1


def test_what_is_removed_is_gone_with_all_below_and_the_newest_sibling_shows() -> None:
    tree, nodes = grown()
    gone = tree.remove(nodes["1"])
    assert texts(gone) == ["1", "b", "2"]
    assert set(tree.nodes) == {nodes[name].id for name in ("a", "1'", "c", "3")}
    assert tree.path()[:2] == [nodes["a"], nodes["1'"]]
    tree.remove(nodes["a"])
    assert (tree.path(), tree.nodes) == ([], {})
    assert tree.end() is tree.ground


def test_a_message_moves_with_what_follows() -> None:
    tree, nodes = grown()
    tree.move(nodes["b"], nodes["3"])
    tree.show(nodes["2"])
    assert texts(tree.path()) == ["a", "1'", "c", "3", "b", "2"]
    assert nodes["1"].children == []


def test_a_model_reads_ended_answers_with_text_and_the_last_question() -> None:
    def turn(*nodes: Node) -> list[list[str]]:
        return [[m.text for m in turn] for turn in turns_of(nodes)]

    assert turn(said("a"), answered("1"), said("b")) == [["a", "1"], ["b"]]
    assert turn(said("a"), answered("", "failed"), said("b")) == [["b"]], "a failed answer's question is left out"
    assert turn(said("a"), answered("half", "writing"), said("b")) == [["b"]]
    assert turn(said("a"), said("b")) == [["b"]]
    summary = Node(plain=Message("system", (Text("sum"),)))
    assert turn(summary, said("b"), answered("2"), said("c")) == [["sum"], ["b", "2"], ["c"]]


def test_a_long_chat_is_no_deep_recursion() -> None:
    tree = Tree()
    parent = tree.ground
    for number in range(3000):
        parent = tree.add(said(str(number)), parent)
        tree.add(said("other"), parent)
    tree.show(parent)
    assert len(tree.path()) == 3001
    assert len(list(tree.nodes[tree.path()[0].id].below())) == 6000
    assert len(tree.remove(tree.path()[0])) == 6000


def test_a_tree_comes_back_from_what_is_stored_whatever_the_order() -> None:
    tree, nodes = grown()
    kept = [stored(node, "chat") for node in tree.nodes.values()]
    for order in (kept, kept[::-1]):
        again = tree_of(order, nodes["2"].id, CHANGED)
        assert texts(again.path()) == ["a", "1", "b", "2"]
        assert {n.id: n.above and n.above.id for n in again.nodes.values()} == {
            n.id: n.above and n.above.id for n in tree.nodes.values()
        }
    lost = [message for message in kept if message.id != nodes["1"].id]
    again = tree_of(lost, nodes["2"].id, CHANGED)
    assert texts(again.path()) == ["b", "2"], "what hangs from a message that is gone is not lost"
    assert tree_of([], None, CHANGED).path() == []


def test_a_circle_in_what_is_stored_is_cut_open() -> None:
    import msgspec

    one = stored(said("x"), "chat")
    other = msgspec.structs.replace(stored(said("y"), "chat"), parent=one.id)
    one = msgspec.structs.replace(one, parent=other.id)
    assert len(tree_of([one, other], None, CHANGED).nodes) == 2


def test_an_answer_keeps_all_that_is_known_of_it() -> None:
    node = answered("text")
    assert node.reply is not None
    node.reply._answer.thoughts, node.reply._answer.reasoning_s = ["hm"], 1.5
    again = copied(node, CHANGED)
    assert again.reply is not None
    assert again.id != node.id
    assert again.reply._answer.view() | {"id": 0, "run": 0} == node.reply._answer.view() | {"id": 0, "run": 0}
    assert again.reply.result() == "text"


def test_an_answer_cut_short_by_the_end_of_its_kernel_says_so() -> None:
    tree = tree_of([stored(answered("par", "writing"), "chat")], None, CHANGED)
    (node,) = tree.path()
    assert node.reply is not None
    assert (node.reply.status, node.reply.text) == ("cancelled", "par")
    assert [note.message for note in node.reply.notes] == ["The kernel ended while this was written."]


@pytest.mark.parametrize("message", [user("a"), assistant("b")])
def test_copies_of_plain_messages_have_ids_of_their_own(message: Message) -> None:
    node = Node(plain=message)
    assert copied(node, CHANGED).id != node.id
