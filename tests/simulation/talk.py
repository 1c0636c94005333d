"""What people say and attach on both sides, what they change of it later, and what they do to mapped fields and to what
syncd wrote. Further acts of People."""

from __future__ import annotations

from collections import Counter
from typing import Any

from syncd.sandbox.zendesk_records import Attachment, Upload
from tests.simulation.crowd import Crowd
from tests.simulation.variants import ACT_TAG, AREA

ROLE = "Developers"
AREAS = tuple(f"{AREA}{name}" for name in ("export", "login", "search"))
WEEK = 7 * 86400.0


class Talkers(Crowd):
    """Acts of people who talk. `deleted_ours`: how many of our comments they deleted, by bug."""

    deleted_ours: Counter[str]

    # ---- in Zendesk ----

    def _agent_writes(self, ticket: int, _bug: str, choice: int) -> None:
        """To the customer or internally, for the developers or not, with a file or without."""
        comment: dict[str, Any] = {
            "body": f"{'#bug ' if choice % 3 else ''}Agents say w{choice} of it.",
            "public": choice // 3 % 2 == 0,
        }
        if choice % 2 == 0:
            comment["uploads"] = [self._upload(f"trace {choice}.log", f"log {choice}".encode())]
        self._zendesk.agent_replies(ticket=ticket, actor=self._agent(choice), body="", comment=comment)

    def _upload(self, name: str, content: bytes) -> str:
        store = self._zendesk.store
        upload = Upload(store.new_token(25), store.ctx.clock.now() + WEEK)
        store.uploads[upload.token] = upload
        attachment = Attachment(store.new_id(), store.new_token(25), name, "text/plain", content)
        store.attachments[attachment.token] = attachment
        upload.attachments.append(attachment)
        return upload.token

    def _agent_blacks_out(self, ticket: int, _bug: str, choice: int) -> None:
        """A word of somebody's comment, for ever."""
        at = self.tickets.index(ticket)
        for number in (*self.tickets[at:], *self.tickets[:at]):
            comments = [c for c in self._zendesk.ticket_state(ticket=number)["comments"] if " w" in c["body"]]
            comments = [c for c in comments if c["author_id"] != self._seeded.bot]
            if comments:
                break
        else:
            raise LookupError("nothing to black out")
        ticket, comment = number, comments[choice % len(comments)]
        word = next(word for word in comment["body"].split() if word.startswith("w"))
        self._zendesk.redact(ticket=ticket, comment=comment["id"], actor=self._agent(choice), text=word)

    def _agent_hides(self, ticket: int, _bug: str, choice: int) -> None:
        """A public comment becomes an internal one."""
        comments = [c for c in self._zendesk.ticket_state(ticket=ticket)["comments"] if c["public"]]
        if not comments:
            raise LookupError("nothing public")
        self._zendesk.make_private(
            ticket=ticket, comment=comments[choice % len(comments)]["id"], actor=self._agent(choice)
        )

    def _asks_for_bug(self, ticket: int, _bug: str, choice: int) -> None:
        self._zendesk.add_tags(ticket=ticket, actor=self._agent(choice), tags=[ACT_TAG])

    def _asks_for_known_bug(self, ticket: int, bug: str, choice: int) -> None:
        tags = [ACT_TAG, f"link_{self._key(bug).lower()}"]
        self._zendesk.add_tags(ticket=ticket, actor=self._agent(choice), tags=tags)

    def _takes_tag_off(self, ticket: int, _bug: str, choice: int) -> None:
        self._zendesk.remove_tags(ticket=ticket, actor=self._agent(choice), tags=[ACT_TAG, "bug_not_fixed"])

    def _tags_area(self, ticket: int, _bug: str, choice: int) -> None:
        change = self._zendesk.add_tags if choice % 3 else self._zendesk.remove_tags
        change(ticket=ticket, actor=self._agent(choice), tags=[AREAS[choice // 3 % len(AREAS)]])

    # ---- in Jira ----

    def _developer_says(self, _ticket: int, bug: str, choice: int) -> None:
        """For all or for one role, with a file or without."""
        developer, text = self._developer(choice), f"Developers say d{choice} of it."
        if choice % 3 == 0:
            name = f"shot-{choice}.png"
            self._jira.attach(developer, bug, name, f"png {choice}".encode(), "image/png")
            text += f" !{name}|thumbnail!"
        self._jira.comment(developer, bug, text, visibility=ROLE if choice % 6 == 1 else None)

    def _developer_rewords(self, _ticket: int, bug: str, choice: int) -> None:
        self._jira.edit_comment(self._developer(choice), self._said(bug, choice), f"Developers say e{choice} of it.")

    def _developer_unsays(self, _ticket: int, bug: str, choice: int) -> None:
        self._jira.delete_comment(self._developer(choice), self._said(bug, choice))

    def _developer_hides(self, _ticket: int, bug: str, choice: int) -> None:
        """What was for all is for one role from now on, and reworded."""
        number = self._said(bug, choice)
        with self._jira.lock:
            self._jira._comment(number)[1].visibility = {"type": "role", "value": ROLE}
        self._jira.edit_comment(self._developer(choice), number, f"Developers say h{choice} of it.")

    def _developer_labels(self, _ticket: int, bug: str, choice: int) -> None:
        labels = list(self._jira.issue_state(bug)["fields"]["labels"])
        area = AREAS[choice // 3 % len(AREAS)]
        wanted = [*labels, area] if choice % 3 else [label for label in labels if label != area]
        self._jira.edit(self._developer(choice), bug, labels=list(dict.fromkeys(wanted)))

    def _developer_ranks(self, _ticket: int, bug: str, choice: int) -> None:
        self._jira.edit(self._developer(choice), bug, priority=("Highest", "High", "Medium", "Low")[choice % 4])

    def _strips_our_label(self, _ticket: int, bug: str, choice: int) -> None:
        """Somebody cleans labels up, our mark too."""
        labels = self._jira.issue_state(bug)["fields"]["labels"]
        if not any(label.startswith("syncd-") for label in labels):
            raise LookupError("no label of ours")
        self._jira.edit(self._developer(choice), bug, labels=[x for x in labels if not x.startswith("syncd-")])

    def _deletes_our_comment(self, _ticket: int, bug: str, choice: int) -> None:
        self._jira.delete_comment(self._developer(choice), self._ours(bug, choice))
        self.deleted_ours[bug] += 1

    def _meddles_with_our_comment(self, _ticket: int, bug: str, choice: int) -> None:
        self._jira.edit_comment(self._developer(choice), self._ours(bug, choice), f"Edited {choice}.")

    def _ours(self, bug: str, choice: int) -> int:
        ours = [c for c in self._jira.issue_state(bug)["comments"] if c["author"] == self._seeded.jira_bot]
        if not ours:
            raise LookupError("no comment of ours")
        number: int = ours[choice % len(ours)]["id"]
        return number

    def _said(self, bug: str, choice: int) -> int:
        """What a developer said on this bug, or on the next where one did."""
        at = self.bugs.index(bug)
        for place in (*self.bugs[at:], *self.bugs[:at]):
            try:
                comments = self._jira.issue_state(place)["comments"]
            except ValueError:  # it was deleted
                continue
            said = [comment for comment in comments if comment["author"] != self._seeded.jira_bot]
            if said:
                number: int = said[choice % len(said)]["id"]
                return number
        raise LookupError("nothing said")
