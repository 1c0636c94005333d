"""Pictures of every kind of mail, to be looked at: python bench/mail_pictures.py FOLDER (needs chromium).

`breach, en` at 640 pixels by day is what the README shows (docs/breach-mail.png).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.alerts.browser import BROWSER, picture
from tests.alerts.test_in_browser import pages

WIDTHS = {360: 1300, 640: 880}  # and how high


def main() -> int:
    """Writes NAME-WIDTH-SCHEME.png for each."""
    if BROWSER is None or len(sys.argv) != 2:
        print(__doc__)
        return 64
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, page in pages().items():
            for width, height in WIDTHS.items():
                for scheme in ("light", "dark"):
                    place = target.absolute() / f"{name.replace(', ', '-').replace(' ', '_')}-{width}-{scheme}.png"
                    picture(page, place, Path(folder), scheme=scheme, width=width, height=height)
                    print(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
