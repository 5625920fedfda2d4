"""What a front end asks of a session: one closed union of frozen commands a session. They know no widget.

The wire tag is the class name in snake case. A command is answered at once with `Ack`: it was taken,
or why not. What comes of it arrives as events and state.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from workbench.errors import ErrorInfo
from workbench.events import snake


class _Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=snake):
    id: int
    """Number the front end gave it; its `Ack` carries it."""


class Hello(_Command, frozen=True, kw_only=True):
    """A view is there (or lost a delta) and wants the whole state."""


class Send(_Command, frozen=True, kw_only=True):
    """Send a message; it queues behind a run that is going."""

    text: str
    interrupt: bool = False
    """Stop the run that is going, and be next."""
    variables: dict[str, str] | None = None
    """The text is a template, and these fill its ``{variables}``; ``None``: it is sent as it is."""


class Stop(_Command, frozen=True, kw_only=True):
    """Cancel a run; what was written stays."""

    run: str


class ChooseModel(_Command, frozen=True, kw_only=True):
    """Use another model from now on; a local one is loaded at once, with progress."""

    model: str
    force: bool = False
    """Load it even if it does not fit this machine."""


class ListModels(_Command, frozen=True, kw_only=True):
    """Look again at what models there are."""


class NewChat(_Command, frozen=True, kw_only=True):
    """Start an empty transcript."""


class Allow(_Command, frozen=True, kw_only=True):
    """Send the message that waits for leave: it would go to another machine."""

    always: bool = False
    """Whether everything may go to that server from now on; else this one message."""


class Refuse(_Command, frozen=True, kw_only=True):
    """Keep the message that waits for leave here; it is not sent."""


class Edit(_Command, frozen=True, kw_only=True):
    """Another version of a message, beside it: a person's is asked anew, an answer gets that text."""

    message: str
    text: str


class Regenerate(_Command, frozen=True, kw_only=True):
    """Another answer, beside this one."""

    message: str
    model: str | None = None
    """Who answers; ``None`` for the model chosen now."""
    logprobs: int | None = None
    """How many of the likeliest tokens are told for each place; ``None``: as before."""


class GoOn(_Command, frozen=True, kw_only=True):
    """Continue an answer where it stopped; the longer one stands beside it."""

    message: str


class ReadTokens(_Command, frozen=True, kw_only=True):
    """The tokens of an answer with their probabilities, as the `Ack`'s data: ``{"tokens": [...], "perplexity": 1.2}``.

    What a token is, `workbench.sessions.branching.tokens_view` says. Why the answer cannot be branched comes as state.
    """

    message: str


class BranchAt(_Command, frozen=True, kw_only=True):
    """Have an answer go another way at one of its tokens; the other answer stands beside it."""

    message: str
    token: int
    """From 0."""
    alternative: int
    """Which of the token's alternatives, from 0."""


class Show(_Command, frozen=True, kw_only=True):
    """Show the conversation that this message is part of, down to its newest end."""

    message: str


class Delete(_Command, frozen=True, kw_only=True):
    """Delete a message and all that follows from it; what runs there is stopped."""

    message: str


class Fork(_Command, frozen=True, kw_only=True):
    """Copy the conversation up to this message into a chat of its own; the `Ack`'s data: ``{"chat": its id}``."""

    message: str


class SetOptions(_Command, frozen=True, kw_only=True):
    """Generation options from now on: the whole set."""

    options: dict[str, Any]
    """By name; ``None`` or absent: the model's own default."""


class SetSystem(_Command, frozen=True, kw_only=True):
    """What tells the model how to behave; an empty text is none."""

    text: str


class SetTitle(_Command, frozen=True, kw_only=True):
    """Rename the chat; an empty title is taken from its first question again."""

    title: str


class SetPrivate(_Command, frozen=True, kw_only=True):
    """Keep the chat out of the history, deleting what is kept of it; or keep it, all of it, from now on."""

    private: bool


class UsePreset(_Command, frozen=True, kw_only=True):
    """Generation options of a preset, in place of those set."""

    name: str


class DropPreset(_Command, frozen=True, kw_only=True):
    """Forget a preset; the options set stay."""

    name: str


class SavePrompt(_Command, frozen=True, kw_only=True):
    """Keep a prompt under a name, ``{variables}`` and all; one of that name before is replaced."""

    name: str
    text: str


class DropPrompt(_Command, frozen=True, kw_only=True):
    """Forget a prompt."""

    name: str


class FillPrompt(_Command, frozen=True, kw_only=True):
    """The variables of a template, as the `Ack`'s data: ``[{"name": ..., "value": text or None}, ...]``.

    A value is what a variable of that name in the notebook holds.
    """

    text: str


class Preview(_Command, frozen=True, kw_only=True):
    """Show what would be sent with this message; it comes as state."""

    text: str


class ClosePreview(_Command, frozen=True, kw_only=True):
    """Show the preview no more."""


class AnswerCall(_Command, frozen=True, kw_only=True):
    """What becomes of a function's call that waits for leave."""

    call: str
    how: Literal["once", "always", "never"]
    arguments: dict[str, Any] | None = None
    """As the person changed them; ``None``: as the model wrote them."""


class AllowTool(_Command, frozen=True, kw_only=True):
    """Whether a function runs unasked in this chat from now on: always, never, or once each time it is allowed."""

    tool: str
    how: Literal["once", "always", "never"]


class SetMode(_Command, frozen=True, kw_only=True):
    """What the model may do from now on."""

    mode: Literal["ask", "act", "edit"]


class Overflow(_Command, frozen=True, kw_only=True):
    """What to do with a message that does not fit the context."""

    choice: Literal["drop", "summarise", "new", "raise", "cancel"]


class Export(_Command, frozen=True, kw_only=True):
    """The conversation shown as a file, as the `Ack`'s data: ``{"name": of the file, "text": its content}``."""

    format: Literal["markdown", "json", "html", "notebook", "python"]


class Attach(_Command, frozen=True, kw_only=True):
    """Put something beside the composer, for the next message: a text whole, or a file in pieces, one command each."""

    attachment: str
    """The front end's id of it: the same with each piece."""
    name: str
    content: str | None = None
    """A text; ``None`` for a file."""
    data: str | None = None
    """A piece of a file, base64."""
    more: bool = False
    """Whether further pieces follow."""


class AttachLast(_Command, frozen=True, kw_only=True):
    """Put what the last cell gave beside the composer: its output, or the error that ended it."""

    what: Literal["output", "error"]


class Detach(_Command, frozen=True, kw_only=True):
    """Take something away from beside the composer."""

    attachment: str


class ChatWith(_Command, frozen=True, kw_only=True):
    """Make a model the current one: new chats begin with it, and open ones without a word yet change to it."""

    model: str


class SearchModels(_Command, frozen=True, kw_only=True):
    """Search with these words and filters; the result replaces the one shown."""

    query: dict[str, Any]
    """Fields of `workbench.manager.query.SearchQuery`; absent ones are not set."""


class Rows(_Command, frozen=True, kw_only=True):
    """Rows of the result, as the `Ack`'s data: ``{"result": its number, "total": its length, "rows": [...]}``."""

    first: int
    count: int


class CountChoices(_Command, frozen=True, kw_only=True):
    """What a filter can be set to, as the `Ack`'s data: ``[{"value": ..., "count": models of this query}, ...]``."""

    field: str


class OpenModel(_Command, frozen=True, kw_only=True):
    """Show a model's card: description, files, fit. What is not known yet arrives as state."""

    model: str
    """Empty closes the card."""
    context: int | None = None
    """Tokens to count the memory for."""


class StartDownload(_Command, frozen=True, kw_only=True):
    """Download these models, one after another in the queue."""

    models: list[str]


class PauseDownload(_Command, frozen=True, kw_only=True):
    """Pause one download, or all."""

    download: str | None = None


class ResumeDownload(_Command, frozen=True, kw_only=True):
    """Go on with one paused, failed or cancelled download, or all paused ones."""

    download: str | None = None


class CancelDownload(_Command, frozen=True, kw_only=True):
    """Cancel one download; what arrived stays for the next try."""

    download: str


class ClearFinished(_Command, frozen=True, kw_only=True):
    """Take what ended off the list."""


class RefreshCatalogue(_Command, frozen=True, kw_only=True):
    """Fetch the hub's listing into the local index."""


class StopRefresh(_Command, frozen=True, kw_only=True):
    """Stop fetching the listing; what came stays."""


class ReadLibrary(_Command, frozen=True, kw_only=True):
    """Read the folders again."""


class VerifyModels(_Command, frozen=True, kw_only=True):
    """Compute the checksums of these models' files."""

    models: list[str]


class UpdateModels(_Command, frozen=True, kw_only=True):
    """Download the newest revision of these."""

    models: list[str]


class PlanDelete(_Command, frozen=True, kw_only=True):
    """Plan the deletion of these models; the plan appears in the state, nothing is deleted."""

    models: list[str]


class DropPlan(_Command, frozen=True, kw_only=True):
    """Keep everything."""


class ExecutePlan(_Command, frozen=True, kw_only=True):
    """Delete what the plan of this id names."""

    plan: str


class LookInto(_Command, frozen=True, kw_only=True):
    """What a folder holds, for the file picker: the `Ack`'s data has its path, parent, folders and model files."""

    path: str | None = None
    """``None``: the home folder."""


class ImportModel(_Command, frozen=True, kw_only=True):
    """Take in a file or folder."""

    path: str
    mode: Literal["link", "copy", "move"] = "link"


class AddFolder(_Command, frozen=True, kw_only=True):
    """Look for models in this folder too, from now on."""

    path: str


class RemoveFolder(_Command, frozen=True, kw_only=True):
    """Look there no longer; its files stay."""

    path: str


class ReadDownloadsFolder(_Command, frozen=True, kw_only=True):
    """Look for models in the Downloads folder too."""


class Quantize(_Command, frozen=True, kw_only=True):
    """Make a smaller copy of a model."""

    model: str
    bits: int = 4


class StopJob(_Command, frozen=True, kw_only=True):
    """Stop verifying, importing or quantizing."""

    job: str


class ReadHistory(_Command, frozen=True, kw_only=True):
    """Look again at what chats are kept."""


class SearchChats(_Command, frozen=True, kw_only=True):
    """Search every chat for words; what was found is the `Ack`'s data.

    ``[{"chat": a row, "hits": [{"message", "role", "at", "snippet": [[text, whether it matched], ...]}, ...]}, ...]``
    """

    words: str
    tag: str | None = None
    """Only among chats with this tag."""


class RenameChat(_Command, frozen=True, kw_only=True):
    """Give a chat another title."""

    chat: str
    title: str


class PinChat(_Command, frozen=True, kw_only=True):
    """Keep a chat at the top of the list, or let it go from there."""

    chat: str
    pinned: bool


class TagChat(_Command, frozen=True, kw_only=True):
    """Set a chat's tags: all it is to have."""

    chat: str
    tags: list[str]


class PlanDeleteChats(_Command, frozen=True, kw_only=True):
    """Plan the deletion of these chats; the plan appears in the state, nothing is deleted."""

    chats: list[str]


class ExportChat(_Command, frozen=True, kw_only=True):
    """A kept chat as a file, as the `Ack`'s data: ``{"name", "text", "media_type"}``."""

    chat: str
    format: Literal["markdown", "json", "html", "notebook", "python"]


class KeepChats(_Command, frozen=True, kw_only=True):
    """Whether chats are kept from now on; those that are kept stay."""

    keep: bool


class ReadSettings(_Command, frozen=True, kw_only=True):
    """Read the settings file again, and ask every server for its models."""


class LookForServers(_Command, frozen=True, kw_only=True):
    """Look at the usual ports of this machine; what answers appears in the state."""


class CheckAddress(_Command, frozen=True, kw_only=True):
    """What a typed address and name would be saved as, as the `Ack`'s data; nothing is saved."""

    url: str
    name: str = ""
    """Empty: the usual one for the address."""
    replaces: str | None = None
    """The server that is being edited; ``None`` for a new one."""


class SaveServer(_Command, frozen=True, kw_only=True):
    """Connect a server from now on, or change one that is; then test it."""

    url: str
    name: str = ""
    """Empty: the usual one for the address."""
    key: str | None = None
    """Goes to where keys are kept and nowhere else; ``None`` keeps the one there is, an empty one forgets it."""
    model: str | None = None
    """Name of its default model; ``None`` for the first it offers."""
    replaces: str | None = None
    """The server that this was before, which may have had another name; ``None`` for a new one."""

    def __repr__(self) -> str:
        return f"SaveServer(url={self.url!r}, name={self.name!r}, key={'given' if self.key else 'none'})"


class RemoveServer(_Command, frozen=True, kw_only=True):
    """Forget a server and its key."""

    name: str


class TestServer(_Command, frozen=True, kw_only=True):
    """Test a server step by step; the steps appear in its row."""

    name: str


class StopTest(_Command, frozen=True, kw_only=True):
    """Stop testing a server; the steps so far stay."""

    name: str


class CloseTest(_Command, frozen=True, kw_only=True):
    """Take the steps of a server's test off its row."""

    name: str


class FindModels(_Command, frozen=True, kw_only=True):
    """Models to choose from, as the `Ack`'s data: ``[{"id", "name", "provider", "status"}, ...]``; not all of many."""

    text: str = ""
    """Part of the id."""
    server: str | None = None
    """Only those of this server."""


class ChangeSettings(_Command, frozen=True, kw_only=True):
    """Set these fields of the settings."""

    fields: dict[str, Any]
    """By their names in `workbench.store.settings.Settings`."""


class SavePreset(_Command, frozen=True, kw_only=True):
    """Keep generation options under a name."""

    name: str
    options: dict[str, Any] | None = None
    """Fields of `workbench.options.GenerationOptions`; absent ones are not set. ``None``: those of the chat."""
    replaces: str | None = None
    """The preset that this was before; ``None`` for a new one."""


class RemovePreset(_Command, frozen=True, kw_only=True):
    """Forget a preset."""

    name: str


class ForgetAllowed(_Command, frozen=True, kw_only=True):
    """Ask again before a prompt goes to this server."""

    origin: str


class ExportSettings(_Command, frozen=True, kw_only=True):
    """Write the settings without any key into a file, to carry to another machine."""

    path: str


class ImportSettings(_Command, frozen=True, kw_only=True):
    """Take in settings that were exported; what came is the `Ack`'s data."""

    path: str
    merge: bool = True
    """Whether what is here and not in the file stays."""


class StopCells(_Command, frozen=True, kw_only=True):
    """Cancel a row, a column or one cell of a comparison; all of them where none is named."""

    row: str | None = None
    column: str | None = None
    cell: str | None = None
    """Id of a cell in the view."""


class RerunCells(_Command, frozen=True, kw_only=True):
    """Ask again for cells of a comparison."""

    cells: list[str] | None = None
    """Their ids in the view; ``None`` for those that failed, were cancelled or never ran."""
    column: str | None = None
    """Id of the column whose cells alone are meant; ``None`` for all."""
    strict: bool = False
    """One by one, for fair times; without `cells` also those that were answered together with others."""


class OpenCell(_Command, frozen=True, kw_only=True):
    """All of one cell, its whole text and its receipt, as the `Ack`'s data."""

    cell: str


class RateCell(_Command, frozen=True, kw_only=True):
    """Keep a rating of a cell."""

    cell: str
    rating: int | None
    """``None`` takes it back."""


class AddPrompts(_Command, frozen=True, kw_only=True):
    """Add rows to a comparison; only they run."""

    prompts: list[str]


class AddModels(_Command, frozen=True, kw_only=True):
    """Add columns to a comparison; only they run."""

    models: list[str]


class RemoveRow(_Command, frozen=True, kw_only=True):
    """Take a row out of a comparison."""

    row: str


class RemoveColumn(_Command, frozen=True, kw_only=True):
    """Take a column out of a comparison."""

    column: str


class DiffCells(_Command, frozen=True, kw_only=True):
    """The difference of two cells by words, as the `Ack`'s data: ``{"pieces": [[op, text], ...], "shared": 0.25}``.

    An op is ``=``, ``-`` (only in the first) or ``+``; `shared` is the share of the words that both have.
    """

    first: str
    second: str


class BeginVote(_Command, frozen=True, kw_only=True):
    """Begin a blind vote on the cells of a comparison, in place of the one there was; it appears in the state."""


class CastVote(_Command, frozen=True, kw_only=True):
    """Choose between the answers that are shown."""

    choice: int | Literal["tie", "bad", "skip"]
    """Place of the better one, equally good, equally bad, or not to be said."""


class UndoVote(_Command, frozen=True, kw_only=True):
    """Take the last choice back."""


class ExportCells(_Command, frozen=True, kw_only=True):
    """Cells of a comparison as a file, as the `Ack`'s data: ``{"name", "text", "media_type"}``."""

    format: Literal["csv", "json", "html", "markdown"]
    rows: list[str] | None = None
    """Ids of rows, in that order; ``None`` for all."""
    columns: list[str] | None = None
    """Ids of columns, in that order; ``None`` for all."""


class ReadCopy(_Command, frozen=True, kw_only=True):
    """What is saved of a comparison with the notebook, as the `Ack`'s data: its ``html`` and ``text``."""


class SendAll(_Command, frozen=True, kw_only=True):
    """Send a message to every pane; in a pane that needs leave for it, it waits for that."""

    text: str
    interrupt: bool = False
    """Stop what is being answered, and be next."""


class StopAll(_Command, frozen=True, kw_only=True):
    """Cancel what every pane answers, and what waits there."""


class AddPane(_Command, frozen=True, kw_only=True):
    """Another pane, at the end."""

    model: str


class RemovePane(_Command, frozen=True, kw_only=True):
    """Close a pane; what was said there stays in the history, if it is kept."""

    pane: str


class KeepPane(_Command, frozen=True, kw_only=True):
    """Close every other pane; the `Ack`'s data: ``{"chat": its id}``, for `workbench.reopen`."""

    pane: str


Command: TypeAlias = (
    Hello
    | Send
    | Stop
    | ChooseModel
    | ListModels
    | NewChat
    | Allow
    | Refuse
    | Edit
    | Regenerate
    | GoOn
    | ReadTokens
    | BranchAt
    | Show
    | Delete
    | Fork
    | SetOptions
    | SetSystem
    | SetTitle
    | SetPrivate
    | UsePreset
    | SavePreset
    | DropPreset
    | SavePrompt
    | DropPrompt
    | FillPrompt
    | Preview
    | ClosePreview
    | AnswerCall
    | AllowTool
    | SetMode
    | Overflow
    | Export
    | Attach
    | AttachLast
    | Detach
)
"""What a chat takes."""

PickerCommand: TypeAlias = Hello | ChooseModel | ListModels
"""What a picker on its own takes."""

DownloadsCommand: TypeAlias = Hello | PauseDownload | ResumeDownload | CancelDownload | ClearFinished | ChatWith
"""What the downloads panel takes."""

BrowserCommand: TypeAlias = (
    Hello
    | SearchModels
    | Rows
    | CountChoices
    | OpenModel
    | StartDownload
    | PauseDownload
    | ResumeDownload
    | CancelDownload
    | PlanDelete
    | DropPlan
    | ExecutePlan
    | ChatWith
    | RefreshCatalogue
    | StopRefresh
)
"""What the model browser takes."""

LibraryCommand: TypeAlias = (
    Hello
    | ReadLibrary
    | VerifyModels
    | UpdateModels
    | PlanDelete
    | DropPlan
    | ExecutePlan
    | LookInto
    | ImportModel
    | AddFolder
    | RemoveFolder
    | ReadDownloadsFolder
    | Quantize
    | StopJob
    | ChatWith
)
"""What the library takes."""

SettingsCommand: TypeAlias = (
    Hello
    | ReadSettings
    | LookForServers
    | CheckAddress
    | SaveServer
    | RemoveServer
    | TestServer
    | StopTest
    | CloseTest
    | FindModels
    | ChangeSettings
    | AddFolder
    | RemoveFolder
    | SavePreset
    | RemovePreset
    | ForgetAllowed
    | ExportSettings
    | ImportSettings
)
"""What the settings take."""

ComparisonCommand: TypeAlias = (
    Hello
    | StopCells
    | RerunCells
    | OpenCell
    | RateCell
    | AddPrompts
    | AddModels
    | RemoveRow
    | RemoveColumn
    | DiffCells
    | BeginVote
    | CastVote
    | UndoVote
    | ExportCells
    | ReadCopy
)
"""What a comparison takes."""


class InPane(_Command, frozen=True, kw_only=True):
    """What one pane's chat is asked; the `Ack` is the chat's."""

    pane: str
    command: Command


PanesCommand: TypeAlias = Hello | SendAll | StopAll | AddPane | RemovePane | KeepPane | InPane
"""What chats side by side take."""

HistoryCommand: TypeAlias = (
    Hello
    | ReadHistory
    | SearchChats
    | RenameChat
    | PinChat
    | TagChat
    | PlanDeleteChats
    | DropPlan
    | ExecutePlan
    | ExportChat
    | KeepChats
)
"""What the history takes."""


def kinds(union: Any) -> tuple[str, ...]:
    """Wire tags of a union, in its order."""
    return tuple(snake(t.__name__) for t in union.__args__)


COMMAND_KINDS: tuple[str, ...] = kinds(Command)
"""Wire tags of what a chat takes."""


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ack"):
    """The answer to a command."""

    id: int
    ok: bool
    error: ErrorInfo | None = None
    """Why it was not taken; ``None`` when it was."""
    data: Any = None
    """What was asked for, where a command asks for something: plain JSON values."""
