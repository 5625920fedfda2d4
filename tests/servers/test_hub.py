"""The hub of the tests speaks the real client's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download, scan_cache_dir, snapshot_download
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from tests.servers.hub import GOOD_TOKEN, Hub, HubServer, demo, gguf_repo, mlx_repo
from workbench.manager import files


@pytest.fixture
def server() -> Iterator[HubServer]:
    gated = mlx_repo("acme/Gated-1B-4bit", gated="manual", allowed=[GOOD_TOKEN])
    with HubServer(Hub([mlx_repo("acme/Two-4bit", shards=2), gguf_repo("acme/Some-GGUF", parts=2), gated])) as server:
        yield server


def test_the_client_lists_downloads_and_scans(server: HubServer, tmp_path: Path) -> None:
    api = HfApi(endpoint=server.url)
    assert {model.id for model in api.list_models(search="acme")} == set(server.hub.repos)
    info = api.model_info("acme/Two-4bit", files_metadata=True)
    assert info.sha == server.hub.repos["acme/Two-4bit"].main
    folder = snapshot_download("acme/Two-4bit", endpoint=server.url, cache_dir=tmp_path)
    assert files.check(folder).format == "safetensors"
    assert [repo.repo_id for repo in scan_cache_dir(tmp_path).repos] == ["acme/Two-4bit"]


def test_the_gguf_files_are_valid(server: HubServer, tmp_path: Path) -> None:
    folder = Path(snapshot_download("acme/Some-GGUF", endpoint=server.url, cache_dir=tmp_path))
    first = [path for path in sorted(folder.glob("*.gguf")) if "-00001-of-" in path.name]
    assert [files.check(path).architecture for path in first] == ["llama", "llama"]


def test_a_gated_repository_wants_a_token(server: HubServer, tmp_path: Path) -> None:
    ask = {"repo_id": "acme/Gated-1B-4bit", "filename": "config.json", "endpoint": server.url, "cache_dir": tmp_path}
    with pytest.raises(GatedRepoError):
        hf_hub_download(**ask, token=False)
    assert Path(hf_hub_download(**ask, token=GOOD_TOKEN)).exists()
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download(**{**ask, "repo_id": "acme/Missing"}, token=False)


def test_a_new_revision_leaves_the_old_one_served(server: HubServer, tmp_path: Path) -> None:
    before = server.hub.repos["acme/Two-4bit"].main
    after = server.hub.update("acme/Two-4bit", {"config.json": b"{}"})
    old, new = (
        hf_hub_download("acme/Two-4bit", "config.json", revision=sha, endpoint=server.url, cache_dir=tmp_path)
        for sha in (before, after)
    )
    assert Path(new).read_bytes() == b"{}"
    assert b"llama" in Path(old).read_bytes()


def test_it_counts_what_it_sends(server: HubServer, tmp_path: Path) -> None:
    snapshot_download("acme/Two-4bit", endpoint=server.url, cache_dir=tmp_path)
    large = [f.size for f in server.hub.repos["acme/Two-4bit"].commits.popitem()[1].values() if f.large]
    assert server.hub.sent("/cdn/") == sum(large)


def test_the_demo_hub_is_found_by_its_names() -> None:
    with HubServer(demo()) as server:
        found = [model.id for model in HfApi(endpoint=server.url).list_models(search="qwen3 4bit", sort="downloads")]
    assert found[0] == "mlx-community/Qwen3-4B-4bit"
