"""Presets: recipes to train by."""

from trm.client.api import PresetDetail, PresetList
from trm.client.transport import Transport


class Presets:
    """`client.presets`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> PresetList:
        """Every preset, with the hardware that it is for."""
        return self._transport.ask("listPresets", PresetList)

    def get(self, name: str) -> PresetDetail:
        """One preset with its settings."""
        return self._transport.ask("getPreset", PresetDetail, path={"name": name})
