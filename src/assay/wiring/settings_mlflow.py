"""What `assay.yaml` may say about logging runs to an MLflow tracking server."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MlflowSettings(BaseModel):
    """Nothing is sent while `tracking_uri` is empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tracking_uri: str = Field(
        default="",
        pattern=r"^(https?://[^\s@]+)?$",
        description="the tracking server, such as http://127.0.0.1:5000; empty: no logging",
    )
    experiment: str = Field(
        default="assay", pattern=r"^[\w ./-]{1,200}$", description="made on the server when it is not there"
    )
    token_env: str = Field(default="", description="name of the environment variable with a bearer token; empty: none")
    user_env: str = Field(default="", description="name of the environment variable with the user of basic auth")
    password_env: str = Field(default="", description="name of the environment variable with the password")
    timeout_s: float = Field(default=30, gt=0, description="for one request")
