"""Profiles: the services that a user has logged in to, in a file of the user's own."""

from pathlib import Path

from platformdirs import user_config_path
from pydantic import BaseModel, Field, ValidationError

from trm.durable import replace_text
from trm.errors import ProfileError
from trm.suggest import did_you_mean


class Profile(BaseModel):
    """A service, and the key to it where it asks for one."""

    url: str
    api_key: str | None = Field(default=None, repr=False)


class Profiles(BaseModel):
    """All profiles by name, and the one that is used when none is named."""

    current: str | None = None
    profiles: dict[str, Profile] = {}

    def get(self, name: str) -> Profile:
        """The profile of this name; raises ProfileError."""
        if name not in self.profiles:
            hint = did_you_mean(name, self.profiles)
            raise ProfileError(f"There is no profile {name!r}.{hint} Make it with: trm login --profile {name}")
        return self.profiles[name]

    def save(self) -> Path:
        """Replace the file whole: it holds keys, so that only its owner may read it, and enter its folder."""
        file = profiles_file()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_text(file, self.model_dump_json(indent=1), mode=0o600)
        return file


def profiles_file() -> Path:
    """Where the profiles are kept."""
    return user_config_path("trm") / "profiles.json"


def read_profiles() -> Profiles:
    """The user's profiles, none where there is no file; raises ProfileError for one that cannot be read."""
    file = profiles_file()
    try:
        return Profiles.model_validate_json(file.read_text())
    except FileNotFoundError:
        return Profiles()
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise ProfileError(f"{file} cannot be read. Remove it and log in again: trm login") from error
