"""Every store of one database."""

from __future__ import annotations

from dataclasses import dataclass

from assay.adapters.sql.catalog import SqlCatalog
from assay.adapters.sql.certificates import SqlCertificates, SqlModels
from assay.adapters.sql.database import Database
from assay.adapters.sql.golden import SqlGolden
from assay.adapters.sql.ledger import SqlCache, SqlLedger
from assay.adapters.sql.operations import SqlKeys, SqlTraces
from assay.adapters.sql.release import SqlBundles, SqlCalibrations, SqlDecisions, SqlReleases
from assay.adapters.sql.runs import SqlRuns


@dataclass(frozen=True, slots=True)
class SqlStores:
    """Named as the workspace names them."""

    catalog: SqlCatalog
    golden: SqlGolden
    runs: SqlRuns
    bundles: SqlBundles
    releases: SqlReleases
    decisions: SqlDecisions
    calibrations: SqlCalibrations
    traces: SqlTraces
    keys: SqlKeys
    certificates: SqlCertificates
    models: SqlModels
    ledger: SqlLedger
    cache: SqlCache


def sql_stores(database: Database) -> SqlStores:
    """The stores that keep everything but blobs."""
    return SqlStores(
        catalog=SqlCatalog(database),
        golden=SqlGolden(database),
        runs=SqlRuns(database),
        bundles=SqlBundles(database),
        releases=SqlReleases(database),
        decisions=SqlDecisions(database),
        calibrations=SqlCalibrations(database),
        traces=SqlTraces(database),
        keys=SqlKeys(database),
        certificates=SqlCertificates(database),
        models=SqlModels(database),
        ledger=SqlLedger(database),
        cache=SqlCache(database),
    )
