"""Which version a store has, and the steps to the newest one. Alembic is imported only when there is a step to make."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

import syncd
from syncd.store.errors import StoreDamaged, StoreForeign, StoreNeedsUpgrade, StoreTooNew
from syncd.store.schema import APPLICATION_ID, SCHEMA_VERSION, Base

_PACKAGE = Path(syncd.__file__).resolve().parent
_VERSION_TABLE = "alembic_version"


def migrations_folder(package: Path = _PACKAGE) -> Path:
    """Where the migrations lie: beside the package in a checkout, inside it in an installed wheel."""
    inside = package / "_migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def version_of(connection: Connection, name: str) -> int:
    """The store's version, 0 for an empty database; raises StoreForeign when it belongs to something else."""
    tables = set(inspect(connection).get_table_names())
    if connection.dialect.name == "sqlite":
        application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
        if application not in (0, APPLICATION_ID) or (application == 0 and tables):
            raise StoreForeign(f"{name} is a database of another program. Mend `store` in config.yaml.")
    if _VERSION_TABLE not in tables:
        if tables & set(Base.metadata.tables):
            raise StoreForeign(
                f"{name} has tables of another program under our names. Give syncd a database of its own."
            )
        return 0
    revision = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    if revision is None:
        return 0
    if not str(revision).isdecimal():
        raise StoreForeign(f"{name} is at revision {revision!r}, which is not one of syncd's.")
    return int(revision)


def check_version(version: int, name: str) -> None:
    """Raises StoreTooNew or StoreNeedsUpgrade unless the version is the one this syncd works with."""
    if version > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{name} was written by a newer syncd (schema {version}, this one knows {SCHEMA_VERSION}). "
            "Run that version, or restore a backup from before the upgrade."
        )
    if version < SCHEMA_VERSION:
        raise StoreNeedsUpgrade(
            f"{name} was written by an older syncd (schema {version}, this one needs {SCHEMA_VERSION}). "
            "Stop the daemon and run `syncd upgrade`; it makes a backup first."
        )


def migrate(connection: Connection, *, folder: Path | None = None) -> None:
    """All steps to the newest version, inside the connection's write transaction: all of them or none.

    On SQLite the connection must not enforce foreign keys, since a step may copy a table; they are checked at the end.
    """
    from alembic import command  # noqa: PLC0415 - 0.1 s that only a new or old store needs
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(folder or migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise StoreDamaged(f"the upgrade would leave {len(broken)} rows that point nowhere; nothing was changed.")


def newest(folder: Path | None = None) -> int:
    """The number of the newest migration."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as below

    return int(ScriptDirectory(str(folder or migrations_folder())).get_current_head() or 0)


def stamp(connection: Connection) -> None:
    """Writes our mark and the version into SQLite's header, in the same transaction as the steps."""
    if connection.dialect.name != "sqlite":
        return
    revision = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version={int(revision or 0)}")
