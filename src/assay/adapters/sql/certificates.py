"""Certificates, and models that Assay trained itself."""

from __future__ import annotations

from sqlalchemy import select

from assay.adapters.sql.codec import from_text, to_text
from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import add_new, missing, one_by_prefix, records
from assay.adapters.sql.schema import certificates, models
from assay.records.certificates import Certificate, TrainedModel
from assay.records.errors import CannotJudge

SHORTEST_ID = 6


class SqlCertificates:
    """CertificateStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, certificate: Certificate) -> str:
        row = {
            "certificate_id": certificate.certificate_id,
            "kind": certificate.kind,
            "subject": certificate.subject,
            "created_at": certificate.created_at,
            "record": to_text(certificate),
        }
        with self._database.write() as connection:
            add_new(connection, certificates, [row])
        return certificate.certificate_id

    def get(self, certificate_id: str) -> Certificate:
        """Raises NotFound, and CannotJudge when the content no longer matches its id."""
        if len(certificate_id) < SHORTEST_ID:
            raise missing("certificate", "name at least six digits of its id")
        found = select(certificates.c.certificate_id, certificates.c.record)
        with self._database.read() as connection:
            row = one_by_prefix(connection, found, certificates.c.certificate_id, certificate_id, "certificate")
        certificate = from_text(Certificate, row.record)
        if certificate.certificate_id != row.certificate_id:
            raise CannotJudge(
                "certificate.digest_mismatch", "the stored certificate does not match its id", where=row.certificate_id
            )
        return certificate

    def newest(self, kind: str, subject: str = "") -> Certificate | None:
        found = (one for one in self.certificates(kind) if not subject or one.subject == subject)
        return next(found, None)

    def certificates(self, kind: str = "") -> tuple[Certificate, ...]:
        """Newest first."""
        of_kind = certificates.c.kind == kind if kind else None
        newest_first = (certificates.c.created_at.desc(), certificates.c.certificate_id)
        with self._database.read() as connection:
            texts = records(connection, certificates, *newest_first, where=of_kind)
        return tuple(from_text(Certificate, text) for text in texts)


class SqlModels:
    """ModelStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, model: TrainedModel) -> str:
        row = {
            "model_id": model.model_id,
            "kind": model.kind,
            "name": model.name,
            "created_at": model.created_at,
            "record": to_text(model),
        }
        with self._database.write() as connection:
            add_new(connection, models, [row])
        return model.model_id

    def get(self, model_id: str) -> TrainedModel:
        """Raises NotFound, and CannotJudge when the content no longer matches its id."""
        if len(model_id) < SHORTEST_ID:
            raise missing("model", "name at least six digits of its id")
        found = select(models.c.model_id, models.c.record)
        with self._database.read() as connection:
            row = one_by_prefix(connection, found, models.c.model_id, model_id, "model")
        model = from_text(TrainedModel, row.record)
        if model.model_id != row.model_id:
            raise CannotJudge(
                "model.digest_mismatch",
                "the stored model does not match the id it is named by",
                where=row.model_id,
                remedy="train it again",
            )
        return model

    def newest(self, kind: str, name: str = "") -> TrainedModel | None:
        return next((model for model in self.models(kind) if not name or model.name == name), None)

    def models(self, kind: str = "") -> tuple[TrainedModel, ...]:
        """Newest first."""
        of_kind = models.c.kind == kind if kind else None
        newest_first = (models.c.created_at.desc(), models.c.model_id)
        with self._database.read() as connection:
            texts = records(connection, models, *newest_first, where=of_kind)
        return tuple(from_text(TrainedModel, text) for text in texts)
