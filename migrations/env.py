"""What alembic runs. syncd hands over an open connection whose transaction holds all steps of an upgrade;
a developer's alembic command gives the address instead: alembic -c migrations/alembic.ini -x url=sqlite:///FILE …"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from syncd.store.engine import make_engine, parse_url
from syncd.store.migrate import stamp
from syncd.store.schema import Base


def migrate(connection: Connection) -> None:
    """Runs the migrations that were asked for, inside the connection's transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        transactional_ddl=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    stamp(connection)


if context.is_offline_mode():
    raise SystemExit("syncd's migrations look at the data, so they can not be written out as SQL.")

given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    address = context.get_x_argument(as_dictionary=True).get("url")
    if address is None:
        raise SystemExit("name the store: alembic -c migrations/alembic.ini -x url=sqlite:///FILE …")
    engine = make_engine(parse_url(address), foreign_keys=False)
    with engine.begin() as connection:
        migrate(connection)
