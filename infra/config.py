"""Settings: where the servers are and how we reach them. Environment first, then trackfold.toml, then the local stack.

Names in the environment are TRACKFOLD_<GROUP>__<KEY>, for example TRACKFOLD_KAFKA__BOOTSTRAP_SERVERS. Secrets are
SecretStr: they print as stars, and no log shows them.
"""

import socket
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.errors import InputError

SECRET_CHARACTERS_MIN = 32


class ConfigError(InputError):
    """A setting cannot be used; the text names the key and what to do."""


class Group(BaseModel):
    """A group of settings; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")


class KafkaSettings(Group):
    """The brokers. Over SASL a mechanism, username and password are needed; over SSL their certificate is checked."""

    bootstrap_servers: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    username: str | None = None
    password: SecretStr | None = None
    ssl_ca_location: Path | None = None
    """PEM file of the authorities that signed the brokers' certificates; without it, those that this system trusts."""
    replication_factor: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _sasl_is_complete(self) -> Self:
        if self.security_protocol.startswith("SASL"):
            missing = [key for key in ("sasl_mechanism", "username", "password") if getattr(self, key) is None]
            if missing:
                raise ValueError(f"security_protocol = {self.security_protocol} needs {', '.join(missing)} as well")
        if self.ssl_ca_location is not None and not self.ssl_ca_location.is_file():
            raise ValueError(f"ssl_ca_location: there is no file {self.ssl_ca_location}")
        return self


class RegistrySettings(Group):
    """The schema registry (Confluent API)."""

    url: str = "http://127.0.0.1:8081"
    username: str | None = None
    password: SecretStr | None = None


class S3Settings(Group):
    """The object store; without a key the usual chain of AWS settings applies."""

    endpoint_url: str | None = None
    bucket: str = "trackfold"
    prefix: str = ""
    region: str = "us-east-1"
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    public_base_url: str | None = None
    """video_url = this + object name; without it, endpoint_url/bucket."""


class UploadSettings(Group):
    """Where clips go: s3, or the user's HTTP upload API."""

    adapter: Literal["s3", "http"] = "s3"
    url: str = "https://obs.prolificapp.in/uploadFile"
    api_key: SecretStr | None = None
    public_base_url: str | None = None
    honours_idempotency_key: bool = False
    retry_5xx: bool = True
    """A 5xx answer means surely not accepted, so that it is tried again (adapter http)."""
    timeout_s: float = Field(default=30.0, gt=0)
    attempts_max: int = Field(default=7, ge=1)
    """With the backoff a minute: so long a storage may be away before the incident goes out without its clip."""
    backoff_s: float = Field(default=1.0, gt=0)


class IncidentSettings(Group):
    """The incident API."""

    url: str = "https://api.prolificapp.in/api/Addprolificai_alerts"
    api_key: SecretStr | None = None
    honours_idempotency_key: bool = False
    retry_5xx: bool = True
    """A 5xx answer means surely not accepted, so that it is tried again."""
    timeout_s: float = Field(default=10.0, gt=0)
    attempts_max: int = Field(default=8, ge=1)
    backoff_s: float = Field(default=1.0, gt=0)
    alert_max_age_s: float | None = Field(default=3600.0, gt=0)
    """An episode confirmed longer ago than this is not reported but marked suppressed. 0: always report."""

    @field_validator("alert_max_age_s", mode="before")
    @classmethod
    def _zero_is_no_limit(cls, value: object) -> object:
        return None if str(value) in ("0", "0.0", "None") else value


class ClickHouseSettings(Group):
    """The analytics database."""

    url: str = "http://127.0.0.1:8123"
    username: str = "default"
    password: SecretStr = SecretStr("")
    database: str = "trackfold"
    keep_days: int | None = Field(default=None, ge=1)
    """Rows older than so many business days are dropped, a month at a time. None: kept for ever."""


class SnapshotSettings(Group):
    """The JSON snapshots."""

    last_days: int = Field(default=7, ge=1, le=366)
    """Business days in the file over the last ones, last_<N>_days.json."""
    items_max: int = Field(default=20_000, ge=1)
    """Items of each kind in one file, the newest; about 0.8 KB each. Figures, days and hours count all."""


class RecordingSettings(Group):
    """How long the continuous recording is kept; the bound on disk space wins."""

    max_age_h: float = Field(default=168.0, gt=0)
    max_gb: float = Field(default=50.0, gt=0)
    """Of all cameras on this machine together."""


class ProbeSettings(Group):
    """Where each process serves /metrics, /health/live and /health/ready."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    """0: any that is free, so that many processes can run beside one another; see <data_dir>/probes."""


class ConsoleUser(Group):
    """Somebody who signs in to the console by name."""

    role: Literal["viewer", "operator"] = "viewer"
    password_hash: SecretStr
    """What `trackfold console --hash-password` prints."""


class ConsoleSettings(Group):
    """The web console. Without users and tokens it makes a token for its operator, and shows it when it starts."""

    host: str = "127.0.0.1"
    port: int = Field(default=8600, ge=0, le=65535)
    """0: any that is free."""
    users: dict[str, ConsoleUser] = Field(default_factory=dict)
    operator_token: SecretStr | None = None
    viewer_token: SecretStr | None = None
    secret: SecretStr | None = None
    """Signs sessions and shared links, 32 characters or more; without one they end with the process."""
    session_h: float = Field(default=12.0, gt=0)
    behind_https: bool = False
    """A proxy speaks HTTPS for it: cookies go over nothing else."""
    base_url: str | None = None
    """What shared links begin with, for example https://shop.example.com; without it, what the browser asked for."""

    @field_validator("secret", "operator_token", "viewer_token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SECRET_CHARACTERS_MIN:
            raise ValueError(f"at least {SECRET_CHARACTERS_MIN} characters, for example of `openssl rand -hex 32`")
        return value


class PartnerSettings(Group):
    """The local stand-in of the partner APIs (only where the local stack runs)."""

    url: str | None = None


class Settings(BaseSettings):
    """All settings. Read them with load_settings()."""

    model_config = SettingsConfigDict(env_prefix="TRACKFOLD_", env_nested_delimiter="__", extra="ignore")

    data_dir: Path = Path("var")
    """Recordings, clips, snapshots and the local stack live here."""
    host: str = Field(default_factory=socket.gethostname)
    """Name of this machine in recording-segments: clips are cut where the recordings are."""
    kafka: KafkaSettings = KafkaSettings()
    registry: RegistrySettings = RegistrySettings()
    s3: S3Settings = S3Settings()
    upload: UploadSettings = UploadSettings()
    incident: IncidentSettings = IncidentSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    partner: PartnerSettings = PartnerSettings()
    snapshots: SnapshotSettings = SnapshotSettings()
    recording: RecordingSettings = RecordingSettings()
    probe: ProbeSettings = ProbeSettings()
    console: ConsoleSettings = ConsoleSettings()
    consumer_group: str = "trackfold"
    """Prefix of all consumer groups."""
    lost_after_s: float = Field(default=15.0, gt=0)
    """A live camera of which nothing came for so long is recorded as lost, by the worker that folds it."""

    @property
    def recordings_dir(self) -> Path:
        """recordings/<camera_id>/: the continuous recording."""
        return self.data_dir / "recordings"

    @property
    def segments_dir(self) -> Path:
        """segments/<camera_id>/: the clips."""
        return self.data_dir / "segments"

    @property
    def replays_dir(self) -> Path:
        """replays/<version>/<camera_id>/<day>/: what replays found, and the clips of promoted ones."""
        return self.data_dir / "replays"

    @property
    def snapshots_dir(self) -> Path:
        """JSON snapshots, one file a day."""
        return self.data_dir / "snapshots"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment, then trackfold.toml, then what the local stack wrote (dotenv), then defaults."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _toml), dotenv_settings


_toml = Path("trackfold.toml")


def load_settings(config: Path | None = None, *, stack_dir: Path | None = None, **overrides: object) -> Settings:
    """Settings from the environment, the file (default trackfold.toml, if there) and the local stack's stack.env.

    stack_dir: folder of the local stack (default <data_dir>/stack). Raises ConfigError with one line per error.
    """
    global _toml
    if config is not None and not config.exists():
        raise ConfigError(f"{config}: no such settings file; leave --config out or name one that exists")
    _toml = config or Path("trackfold.toml")
    try:
        first = Settings(**overrides)  # type: ignore[arg-type]
        stack_env = (stack_dir or first.data_dir / "stack") / "stack.env"
        return Settings(_env_file=stack_env, **overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"setting {'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise ConfigError("\n".join(lines)) from error
