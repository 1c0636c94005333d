"""Houses, as the command line's tests have them."""

from tests.cli.conftest import house, make_house

__all__ = ["house", "make_house"]
