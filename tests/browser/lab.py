"""A real JupyterLab and a notebook open in it, for tests: started, driven and stopped. Knows no widget of ours."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Page, Playwright

from tests.run import installed_chromium

FLAGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
STATE = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
QUIET = {
    "@jupyterlab/apputils-extension:notification": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    },
}
THEMES = {"dark": "JupyterLab Dark", "light": "JupyterLab Light"}

READY = """path => {
  const panel = window.jupyterapp?.shell.currentWidget;
  const session = panel?.sessionContext;
  return panel?.context?.path === path && panel.context.isReady && session?.isReady
    && session.session?.kernel?.status === "idle";
}"""
EXECUTE = """async ([code, timeout]) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({ code, store_history: false });
  let printed = "", problem = "";
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream") printed += content.text;
    if (header.msg_type === "execute_result") printed += content.data["text/plain"];
    if (header.msg_type === "error") problem = `${content.ename}: ${content.evalue}`;
  };
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("the kernel did not finish")), timeout));
  await Promise.race([future.done, late]);
  if (problem) throw new Error(problem);
  return printed;
}"""
NO_SPLASH = "() => !document.getElementById('jupyterlab-splash')"
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map(cell => cell.toJSON())"


class Lab:
    """A JupyterLab server of its own on a folder, with none of this machine's Jupyter settings."""

    def __init__(self, folder: Path, state: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.log = state / "lab.log"
        for name in STATE.values():
            (state / name).mkdir(parents=True)
        settings = state / "config/labconfig"
        settings.mkdir()
        (settings / "default_setting_overrides.json").write_text(json.dumps(QUIET))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
        command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
        command += [f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=", "--ServerApp.password="]
        command += ["--ServerApp.disable_check_xsrf=True", "--LabApp.news_url="]
        command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        own = {name: str(state / below) for name, below in STATE.items()}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, **own, "JUPYTER_PREFER_ENV_PATH": "1", **(env or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, seconds: float = 60) -> None:
        """Until the server answers. Raises `RuntimeError` with the end of its log when it does not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/api/status", timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()[-4000:]}")

    def stop(self) -> None:
        """End the server and every kernel of its."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class Notebook:
    """One notebook in one page; `problems` gathers what the page reported as an error."""

    def __init__(self, page: Page, lab: Lab, path: str) -> None:
        self.page = page
        self.lab = lab
        self.path = path
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    @property
    def file(self) -> Path:
        """The notebook on disk."""
        return self.lab.folder / self.path

    def open(self) -> None:
        """Open it, or open it again (a reload): until its kernel is idle. Save before, or the page asks."""
        self.page.goto(f"{self.lab.url}/lab/tree/{self.path}?reset", wait_until="domcontentloaded")
        self.page.wait_for_function("() => window.jupyterapp?.restored", timeout=60_000)
        self.page.evaluate("async () => { await window.jupyterapp.restored }")
        self.page.wait_for_function(READY, arg=self.path, timeout=60_000)

    def command(self, name: str, *, wait: bool = True, **arguments: Any) -> None:
        """Run a command of JupyterLab, such as ``notebook:run-all-cells``."""
        returned = "await run" if wait else "null"
        script = (
            f"async ([name, given]) => {{ const run = window.jupyterapp.commands.execute(name, given); {returned} }}"
        )
        self.page.evaluate(script, [name, arguments])

    def run_all(self) -> None:
        """Run all cells, to the end of the last. Raises `AssertionError` with the errors of those that failed."""
        self.command("notebook:run-all-cells")
        outputs = [output for cell in self.cells() for output in cell.get("outputs", [])]
        errors = [f"{o['ename']}: {o['evalue']}" for o in outputs if o["output_type"] == "error"]
        assert errors == []

    def python(self, code: str, timeout: float = 30) -> str:
        """What the kernel prints for that code (or the repr of its last line). Raises on an error, or when late."""
        printed: str = self.page.evaluate(EXECUTE, [code, timeout * 1000])
        return printed.strip()

    def busy(self, seconds: float) -> None:
        """Let the kernel work on a cell for that long, without waiting for it."""
        script = """seconds => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
            .requestExecute({ code: `import time; time.sleep(${seconds})` }); }"""
        self.page.evaluate(script, seconds)

    def cells(self) -> list[dict[str, Any]]:
        """The cells as JupyterLab holds them now, outputs included."""
        cells: list[dict[str, Any]] = self.page.evaluate(CELLS)
        return cells

    def save(self) -> None:
        """Save to disk."""
        self.command("docmanager:save")

    def theme(self, name: str) -> None:
        """``"light"`` or ``"dark"``: JupyterLab's own themes; until the page wears it, the splash gone."""
        self.page.wait_for_function(NO_SPLASH)
        self.command("apputils:change-theme", theme=THEMES[name])
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=THEMES[name])
        self.page.wait_for_function(NO_SPLASH)

    def close(self) -> None:
        """Shut the kernel down and close the page."""
        self.page.evaluate("async () => { await window.jupyterapp.shell.currentWidget?.sessionContext?.shutdown(); }")
        self.page.close()


def launch(playwright: Playwright) -> Browser:
    """A headless Chromium: the one the environment's CHROMIUM names, else the system's, else Playwright's own."""
    path = os.environ.get("CHROMIUM") or installed_chromium() or None
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook of code cells, on disk."""
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    code = [nbformat.v4.new_code_cell(source) for source in cells]
    notebook = nbformat.v4.new_notebook(cells=code, metadata=metadata)
    nbformat.write(notebook, path)


def free_port() -> int:
    """A TCP port of this machine that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
