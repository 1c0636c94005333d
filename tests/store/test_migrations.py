from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, Inspector, event, inspect

from syncd.core.model import LinkState, Origin
from syncd.store import (
    IntentState,
    Store,
    StoreDamaged,
    StoreLock,
    StoreLocked,
    StoreMissing,
    StoreNeedsUpgrade,
    StoreTooNew,
    Upgraded,
    schema,
    upgrade,
    verify,
)
from syncd.store.codec import DESTINATIONS
from syncd.store.engine import make_engine, parse_url
from syncd.store.migrate import check_version, migrations_folder, newest
from tests.store.postgres import Postgres
from tests.store.records import NOW, later, update

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("link", table_kwargs={{"sqlite_strict": True}}) as link:
        link.add_column(sa.Column("colour", sa.Text(), nullable=True))
        link.create_check_constraint("colour", "colour <> ''")
    op.create_table("later", sa.Column("id", sa.Integer(), primary_key=True))
    {last}
"""


def with_next(folder: Path, last: str = "") -> Path:
    """Our migrations and one more, which copies a table that another one points to."""
    copy = shutil.copytree(migrations_folder(), folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "versions" / "0002_next.py").write_text(NEXT.format(last=last))
    return copy


def fill(store: Store) -> None:
    with store.transaction() as tx:
        link = tx.add_link(35, "1", "APP-1", "app", Origin.MANUAL, NOW)
        tx.log_link(link.id, NOW, "added", "by hand")
        tx.enqueue(update(), urgency=1, now=NOW)
        tx.set_cursor("c", "1", NOW)


def holds_what_was_filled_in(store: Store) -> bool:
    with store.reading() as tx:
        (link,) = tx.all_links()
        return (
            link.issue_key == "APP-1"
            and [entry.what for entry in tx.link_history(link.id)] == ["added"]
            and [intent.action for intent in tx.intents()] == [update()]
            and tx.cursor("c") == "1"
            and tx.damaged() == []
        )


def test_the_models_say_what_the_migrations_make(store: Store) -> None:
    with store.transaction() as tx:
        context = MigrationContext.configure(tx._connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.Base.metadata) == []


def _shape(inspector: Inspector) -> dict[str, Any]:
    """All that a database knows of its tables, checks and partial indexes too, which alembic does not compare."""

    def by_name(entries: Any) -> list[Any]:
        return sorted(entries, key=lambda entry: str(entry["name"]))

    def in_words(options: Any) -> dict[str, str]:
        return {name: str(value) for name, value in (options or {}).items()}

    indexes = inspector.get_indexes
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table),
            by_name(inspector.get_check_constraints(table)),
            by_name(inspector.get_unique_constraints(table)),
            by_name(inspector.get_foreign_keys(table)),
            [{**entry, "dialect_options": in_words(entry.get("dialect_options"))} for entry in by_name(indexes(table))],
            str(inspector.get_table_options(table)),
        )
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def test_tables_made_by_models_and_by_migrations_are_the_same_to_the_last_check(
    store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if store.path is None:
        server: Postgres = request.getfixturevalue("postgres")
        by_models: Engine = make_engine(parse_url(server.url(server.new_database())))
    else:
        by_models = make_engine(parse_url(f"sqlite:///{tmp_path}/models.db"))
    with by_models.begin() as connection:
        schema.Base.metadata.create_all(connection)
        made_by_models = _shape(inspect(connection))
    by_models.dispose()
    with store.reading() as tx:
        made_by_migrations = _shape(inspect(tx._connection))
    assert made_by_migrations == made_by_models
    assert set(made_by_migrations) == set(schema.Base.metadata.tables)


def test_the_version_that_the_code_wants_is_that_of_the_newest_migration() -> None:
    assert newest() == schema.SCHEMA_VERSION


def test_the_states_that_the_tables_allow_are_those_of_the_code() -> None:
    checks = {
        str(constraint.name): str(getattr(constraint, "sqltext", ""))
        for table in schema.Base.metadata.tables.values()
        for constraint in table.constraints
    }
    allowed: dict[str, Iterable[str]] = {
        "ck_link_state": LinkState,
        "ck_link_origin": Origin,
        "ck_intent_state": IntentState,
        "ck_intent_destination": dict.fromkeys(DESTINATIONS.values()),
    }
    for name, values in allowed.items():
        listed = ", ".join(f"'{value}'" for value in values)
        assert checks[name].endswith(f"IN ({listed})"), name


def test_migrations_are_found_beside_the_package_and_in_a_wheel(tmp_path: Path) -> None:
    assert (migrations_folder() / "versions" / "0001_first_tables.py").is_file()
    inside = tmp_path / "site-packages" / "syncd" / "_migrations"
    inside.mkdir(parents=True)
    assert migrations_folder(inside.parent) == inside
    checkout = tmp_path / "checkout" / "syncd"
    checkout.mkdir(parents=True)
    assert migrations_folder(checkout) == tmp_path / "checkout" / "migrations"


def test_a_store_that_is_up_to_date_is_left_alone(url: str) -> None:
    assert upgrade(url, NOW) == Upgraded(schema.SCHEMA_VERSION, schema.SCHEMA_VERSION, None)


def test_an_upgrade_keeps_all_rows(url: str, tmp_path: Path) -> None:
    with Store.open(url) as store:
        fill(store)
    done = upgrade(url, NOW, folder=with_next(tmp_path))
    assert (done.before, done.after) == (1, 2)
    with pytest.raises(StoreTooNew, match="schema 2, this one knows 1"):
        Store.open(url)
    store = Store(url)  # as the next version would open it
    assert holds_what_was_filled_in(store)
    assert store.check() == []
    store.close()


def test_an_upgrade_keeps_tables_strict_and_stamps_the_file(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    sqlite_store.close()
    assert sqlite_store.path is not None
    upgrade(f"sqlite:///{sqlite_store.path}", NOW, folder=with_next(tmp_path))
    with sqlite3.connect(sqlite_store.path) as raw:
        assert raw.execute("SELECT strict FROM pragma_table_list WHERE name = 'link'").fetchall() == [(1,)]
        assert raw.execute("PRAGMA user_version").fetchone() == (2,)
        assert raw.execute("SELECT count(*) FROM sqlite_master WHERE name = 'uq_link_live'").fetchone() == (1,)
    raw.close()


def test_an_upgrade_makes_a_verified_backup_first(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    sqlite_store.close()
    done = upgrade(f"sqlite:///{sqlite_store.path}", NOW, folder=with_next(tmp_path))
    assert done.backup is not None
    assert done.backup.name == "syncd.db.schema-1-20260302T093015Z.backup"
    assert verify(done.backup) == 1
    with Store.open(f"sqlite:///{done.backup}") as before:
        assert holds_what_was_filled_in(before)


@pytest.mark.parametrize(
    ("last", "error"),
    [
        pytest.param('raise RuntimeError("power cut")', RuntimeError, id="a step that dies half way"),
        pytest.param('op.execute("INSERT INTO nowhere VALUES (1)")', Exception, id="a statement that fails"),
    ],
)
def test_an_upgrade_that_fails_leaves_the_old_store(
    url: str, tmp_path: Path, last: str, error: type[Exception]
) -> None:
    with Store.open(url) as store:
        fill(store)
    with pytest.raises(error):
        upgrade(url, NOW, folder=with_next(tmp_path, last))
    with Store.open(url) as store:
        assert holds_what_was_filled_in(store)
        assert "later" not in inspect(store._engine).get_table_names()
        assert store.check() == []


class PowerCutError(Exception):
    pass


@contextmanager
def power_cut_at(statement: int) -> Iterator[list[str]]:
    """Dies at the so-many-th statement of any store; the list holds those before it."""
    seen: list[str] = []

    def step(_connection: Any, _cursor: Any, sql: str, _parameters: Any, _context: Any, _many: bool) -> None:
        if len(seen) == statement:
            raise PowerCutError
        seen.append(sql)

    event.listen(Engine, "before_cursor_execute", step)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", step)


def test_a_power_cut_at_any_statement_of_an_upgrade_leaves_the_old_store(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    url, folder = f"sqlite:///{sqlite_store.path}", with_next(tmp_path)
    for statement in count():
        try:
            with power_cut_at(statement):
                upgrade(url, later(statement), folder=folder)
            break
        except PowerCutError:
            assert holds_what_was_filled_in(sqlite_store)
            assert "later" not in inspect(sqlite_store._engine).get_table_names()
    assert statement > 20
    assert holds_what_was_filled_in(sqlite_store)
    assert sqlite_store.check() == []


@pytest.mark.parametrize("statement", range(1, 50, 8))
def test_a_power_cut_while_the_tables_are_made_does_no_harm(tmp_path: Path, statement: int) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    with pytest.raises(PowerCutError), power_cut_at(statement):
        Store.open(url)
    with Store.open(url) as store:
        fill(store)
        assert holds_what_was_filled_in(store)


def test_an_upgrade_that_would_leave_rows_pointing_nowhere_is_undone(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    sqlite_store.close()
    url = f"sqlite:///{sqlite_store.path}"
    with pytest.raises(StoreDamaged, match="nothing was changed"):
        upgrade(url, NOW, folder=with_next(tmp_path, 'op.execute("DELETE FROM link")'))
    with Store.open(url) as store:
        assert holds_what_was_filled_in(store)


def test_an_upgrade_waits_for_no_daemon(url: str) -> None:
    with StoreLock(url), pytest.raises(StoreLocked):
        upgrade(url, NOW)


def test_a_store_from_the_future_is_not_upgraded(url: str) -> None:
    with Store.open(url) as store, store.transaction() as tx:
        tx._connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0007'")
    with pytest.raises(StoreTooNew, match="schema 7"):
        upgrade(url, NOW)


def test_there_is_nothing_to_upgrade_where_there_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        upgrade(f"sqlite:///{tmp_path}/none.db", NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_file_needs_an_upgrade_when_this_syncd_is_newer() -> None:
    with pytest.raises(StoreNeedsUpgrade, match="run `syncd upgrade`"):
        check_version(schema.SCHEMA_VERSION - 1, "/x.db")
    check_version(schema.SCHEMA_VERSION, "/x.db")
