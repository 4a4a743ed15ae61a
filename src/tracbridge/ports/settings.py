"""What a connector may be told, as a model; apart from the rest, since it takes long to load."""

from pydantic import BaseModel, ConfigDict


class ConnectorSettings(BaseModel):
    """The table ``customer:`` of a connection.

    A subclass says ``connector: Literal["its name"]``, its own keys, and what each is for by
    ``Field(description=...)``. What it does not know is refused, nothing changes after, and no
    message shows a value. Secrets are of pydantic's type ``SecretStr``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    connector: str
