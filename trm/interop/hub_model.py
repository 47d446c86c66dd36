"""Exported models through huggingface_hub: from_pretrained, save_pretrained and push_to_hub."""

from copy import deepcopy
from pathlib import Path
from typing import Any, Self

from trm.checkpoints.checkpoint import EXPORT_META, Meta, read_meta
from trm.interface.measured import MEASURED
from trm.interop.export import write_files
from trm.network.device import pick_device
from trm.network.model import TinyRecursiveModel
from trm.solving.solver import Solver, load_trained_model

try:
    from huggingface_hub import PyTorchModelHubMixin, snapshot_download
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "trm.interop.hub_model needs huggingface_hub. Install it with: pip install 'trm-service[hub]'",
        name="huggingface_hub",
    ) from error

DOWNLOAD = ("revision", "cache_dir", "force_download", "local_files_only", "token")  # options of a download
FILES = (EXPORT_META, "model.safetensors", "README.md", MEASURED)


class HubModel(TinyRecursiveModel, PyTorchModelHubMixin, library_name="trm-service"):
    """A trained model that knows its training; made by `from_pretrained` from what `trm export` wrote."""

    def __init__(self, meta: Meta, licence: str = "unknown") -> None:
        super().__init__(meta.config.model, meta.config.puzzle)
        self.meta, self.licence = meta, licence

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        licence: str = "unknown",  # the mixin takes it from config.json
        **options: Any,  # noqa: ANN401  the mixin's
    ) -> Self:
        folder = Path(model_id)
        if not folder.is_dir():
            asked = {name: options[name] for name in DOWNLOAD}
            folder = Path(snapshot_download(model_id, allow_patterns=list(FILES), **asked))
        meta = read_meta(folder)
        model = cls(meta, licence)
        model.load_state_dict(load_trained_model(folder, meta).state_dict())
        return model.eval()

    def _save_pretrained(self, save_directory: Path) -> None:
        write_files(save_directory, self, self.meta, dtype="float32", with_program=False, licence=self.licence)

    def solver(self, device: str = "auto") -> Solver:
        """A solver with a copy of these weights."""
        return Solver(deepcopy(self), self.meta.config, pick_device(device))
