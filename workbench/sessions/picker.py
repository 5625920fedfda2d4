"""The picker on its own: which model new chats and questions use. It owns no transcript and knows no widget."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from workbench.commands import Ack, ChooseModel, Hello, ListModels, PickerCommand
from workbench.errors import describe
from workbench.model import ModelInfo
from workbench.sessions.chosen import Chooser

if TYPE_CHECKING:
    from workbench.services.registry import Services


class ModelPicker(Chooser):
    """The model that answers when none is named. `picker` makes one; displaying it draws its widget.

    What is chosen here is used by new chats and questions, and by open chats without a word yet.

        picker = wb.picker()
        picker                              # a row: local or remote, and the list of models
        picker.choose("ollama:llama3.2")    # the same from code
        wb.ask("Hello")                     # answered by the model chosen
        picker.model                        # its id
    """

    def __init__(self, *, services: Services | None = None) -> None:
        super().__init__(None, services=services, name="picker")
        self._model_info()  # from here on it follows what is current

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        with self.lock:
            return self._model_info()

    def choose(self, model: str, *, force: bool = False) -> None:
        """Use another model from now on, in all new chats and questions.

        Raises `ModelNotFoundError` (the nearest id is named). A local model is loaded first, in the background, and
        is used once that went well; if not, the model before stays and the widget says why. With `force` one that
        does not fit this machine is loaded nevertheless. Of a model of a server it is asked whether it answers.
        """
        super().choose(model, force=force)
        with self.lock:
            self._follows = True

    def stop(self) -> None:
        """Stop loading; the model before stays."""
        with self.lock:
            loading = self._loading
        if loading is not None:
            loading[1].cancel(loading[0])

    def close(self) -> None:
        """Stop loading, and end the picker's thread."""
        self.stop()
        self._worker.close()

    def view(self) -> dict[str, Any]:
        """The whole state as JSON-ready values: what a screen draws."""
        with self.lock:
            return {"id": self.id, **self._choice_view()}

    def html(self) -> str:
        """The copy that is saved with the notebook: the model's name."""
        return f'<div class="wb-static" data-wb-picker="{self.id}"><p>Model: <b>{html.escape(self.model)}</b></p></div>'

    def perform(self, command: PickerCommand) -> Ack:
        """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
        try:
            match command:
                case Hello():
                    pass
                case ChooseModel():
                    self.choose(command.model, force=command.force)
                case ListModels():
                    self._list_in_background()
        except Exception as error:
            return Ack(id=command.id, ok=False, error=describe(error))
        return Ack(id=command.id, ok=True)

    def __repr__(self) -> str:
        return f"<ModelPicker: {self.model}, {self.info.status}>"

    def _ipython_display_(self) -> None:
        from workbench import display

        display.show(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from workbench import display

        return display.mimebundle(self)

    def _settled(self, model: str) -> None:
        self.services.use(model)


def picker() -> ModelPicker:
    """Choose the model of new chats and questions. In a notebook, the picker that ends a cell draws itself.

        picker = wb.picker()
        picker                    # choose; a local model is loaded, with progress
        wb.ask("Hello")           # answered by the model chosen
        picker.model              # its id, for a cell

    It offers what is on this machine and what the connected servers have; `browse` finds more.
    """
    return ModelPicker()
