"""What the usual names of statuses and resolutions mean, for a first mapping. Categories decide where a name is
not known; names in other languages than English are those that Jira itself translates to."""

from __future__ import annotations

from typing import Final

from syncd.config.names import normalise


def _folded(*names: str) -> frozenset[str]:
    return frozenset(normalise(name) for name in names)


REOPENED: Final = _folded("Reopened", "Re-opened", "Reopen", "重新打开", "Wiedereröffnet", "Rouvert", "Reabierto")
BACKLOG: Final = _folded("To Do", "Todo", "Open", "New", "Backlog", "待办", "打开", "Offen", "Zu erledigen")

ACCEPTED: Final = _folded(
    "Closed", "Confirmed", "Accepted", "Archived", "已关闭", "关闭", "Geschlossen", "Fermé", "Cerrado", "終了"
)

DECLINED_STATUS: Final = _folded(
    "Won't Fix", "Won't Do", "Will Not Fix", "Wontfix", "Rejected", "Declined", "Cancelled", "Canceled", "Invalid",
    "Duplicate", "Cannot Reproduce", "Can't Reproduce", "Not Reproducible", "Obsolete", "Abandoned", "Not a Bug",
    "Works as Designed", "As Designed", "已拒绝", "拒绝", "已取消", "Abgelehnt", "Abgebrochen",
)  # fmt: skip

DECLINED_RESOLUTION: Final = DECLINED_STATUS | _folded(
    "Incomplete", "Known Error", "By Design", "Not an Issue", "Out of Scope", "Timed Out", "Withdrawn",
    "Insufficient Information", "无法重现", "不予修复", "重复", "不完整", "Nicht reproduzierbar", "Duplikat",
)  # fmt: skip

FIXED_RESOLUTION: Final = _folded(
    "Done", "Fixed", "Resolved", "Complete", "Completed", "Implemented", "Delivered", "Released", "Solved",
    "完成", "已完成", "已解决", "已修复", "修复", "Fertig", "Erledigt", "Behoben", "Terminé", "Corrigé", "Listo",
    "完了",
)  # fmt: skip
