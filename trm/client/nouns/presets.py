"""Presets: recipes to train by."""

from trm.client.api import PresetDetail, PresetList
from trm.client.transport import Noun


class Presets(Noun):
    """`client.presets`."""

    def list(self) -> PresetList:
        """Every preset, with the hardware that it is for."""
        return self._transport.ask("listPresets", PresetList)

    def get(self, name: str) -> PresetDetail:
        """One preset with its settings."""
        return self._transport.ask("getPreset", PresetDetail, path={"name": name})
