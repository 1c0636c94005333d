"""Setting up the pretend help desk: people, groups, fields, statuses, credentials, rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncd.sandbox.zendesk_records import (
    Group,
    OAuthClient,
    Organization,
    TicketField,
    Trigger,
    User,
    not_found,
)
from syncd.sandbox.zendesk_store import ZendeskStore

_ROLES = ("end-user", "agent", "admin")
_FIELD_TYPES = (
    "text",
    "textarea",
    "integer",
    "decimal",
    "date",
    "checkbox",
    "tagger",
    "multiselect",
    "regexp",
)


class DeskSetUp:
    """The admin's part of the world. All arguments but the first few are keywords; ids are returned."""

    def __init__(self, store: ZendeskStore) -> None:
        self.store = store

    # People

    def add_user(
        self,
        *,
        name: str,
        email: str,
        role: str = "end-user",
        organization: int | None = None,
        groups: Iterable[int] = (),
        time_zone: str = "UTC",
        locale: str = "en-US",
        only_private_comments: bool = False,
        tags: Iterable[str] = (),
        user_fields: Mapping[str, Any] | None = None,
    ) -> int:
        """A person or robot. `only_private_comments`: a custom role whose holders may not comment publicly."""
        if role not in _ROLES:
            raise ValueError(f"role must be one of {', '.join(_ROLES)}")
        if self.store.user_by_email(email) is not None:
            raise ValueError(f"{email} is taken")
        now, members = self.store.now(), list(groups)
        user = User(
            self.store.new_id(),
            name,
            email,
            role,
            now,
            now,
            time_zone,
            locale,
            organization,
            members[0] if members else None,
            members,
            only_private_comments,
            41_000_000_400_000 + int(only_private_comments) if role != "end-user" else None,
            tags=list(tags),
            user_fields=dict(user_fields or {}),
        )
        self.store.users[user.id] = user
        self.store.users_by_email[email.lower()] = user.id
        return user.id

    def edit_user(self, *, user: int, **changes: Any) -> None:
        """Changes name, organization_id, time_zone, role, only_private_comments, active, tags ..."""
        found = self.store.user(user)
        for name, value in changes.items():
            if name in {"id", "created", "email"} or not hasattr(found, name):
                raise ValueError(f"a user's {name} cannot be changed")
            setattr(found, name, value)
        found.updated = self.store.now()

    def add_group(self, *, name: str) -> int:
        """A group of agents."""
        now = self.store.now()
        group = Group(self.store.new_id(), name, now, now)
        self.store.groups[group.id] = group
        return group.id

    def add_organization(
        self,
        *,
        name: str,
        tier: str | None = None,
        vip: bool | None = None,
        fields: Mapping[str, Any] | None = None,
        tags: Iterable[str] = (),
        domain_names: Iterable[str] = (),
    ) -> int:
        """A company; `tier` and `vip` become organization fields."""
        values = dict(fields or {})
        if tier is not None:
            values["tier"] = tier
        if vip is not None:
            values["vip"] = vip
        now = self.store.now()
        organization = Organization(self.store.new_id(), name, now, now, values, list(tags), list(domain_names))
        self.store.organizations[organization.id] = organization
        return organization.id

    def edit_organization(
        self, *, organization: int, fields: Mapping[str, Any] | None = None, tags: Iterable[str] | None = None
    ) -> None:
        """Changes organization fields or replaces the tags."""
        found = self.store.organizations[organization]
        found.fields.update(fields or {})
        if tags is not None:
            found.tags = list(tags)
        found.updated = self.store.now()

    # Fields and statuses

    def add_ticket_field(
        self,
        *,
        title: str,
        type: str = "text",  # noqa: A002 - the API's own word
        visible_in_portal: bool = False,
        editable_in_portal: bool = False,
        required: bool = False,
        options: Iterable[str] = (),
        regexp: str | None = None,
    ) -> int:
        """A custom field; `options` are the values of a tagger or multiselect."""
        if type not in _FIELD_TYPES:
            raise ValueError(f"type must be one of {', '.join(_FIELD_TYPES)}")
        now = self.store.now()
        record = TicketField(
            self.store.new_id(),
            title,
            type,
            now,
            now,
            visible_in_portal,
            editable_in_portal,
            required,
            regexp=regexp,
            options=[(value.replace("_", " ").capitalize(), value) for value in options],
        )
        self.store.ticket_fields[record.id] = record
        self.store.shape += 1
        return record.id

    def edit_ticket_field(self, *, field: int | str, **changes: Any) -> None:
        """Changes title, visible_in_portal, editable_in_portal, required, active ..."""
        record = self.store.ticket_fields[self.field_id(field)]
        for name, value in changes.items():
            if name in {"id", "created", "type"} or not hasattr(record, name):
                raise ValueError(f"a field's {name} cannot be changed")
            setattr(record, name, value)
        record.updated = self.store.now()
        self.store.shape += 1

    def field_id(self, field: int | str) -> int:
        """The id of a custom field, found by id or title."""
        for record in self.store.ticket_fields.values():
            if field in {record.id, record.title}:
                return record.id
        raise ValueError(f"there is no ticket field {field!r}")

    def add_custom_status(
        self, *, category: str, agent_label: str, end_user_label: str | None = None, default: bool = False
    ) -> int:
        """A status of the account's own."""
        return self.store.add_status(category, agent_label, end_user_label=end_user_label, default=default).id

    def rename_status(self, *, status: int | str, agent_label: str) -> None:
        """Gives a custom status another name."""
        found = self.store.find_status(status)
        found.agent_label = agent_label
        found.updated = self.store.now()

    def status_id(self, status: int | str) -> int:
        """The id of a custom status, found by id, agent label or category (its default)."""
        return self.store.find_status(status).id

    # Rules and policies

    def add_trigger(
        self,
        *,
        name: str,
        on_status: str,
        set_status: str,
        later: bool = False,
        delay_seconds: float = 0.0,
        only_actor: int | None = None,
        times: int = -1,
    ) -> int:
        """A trigger: when an update (of `only_actor`, or anybody) brings a ticket to `on_status`, sets `set_status`.

        It acts inside the same audit; `later`: as an automation, in an audit of its own after `delay_seconds`.
        """
        for status in (on_status, set_status):
            if status != "closed":
                self.store.find_status(int(status) if status.isdigit() else status)
        trigger = Trigger(self.store.new_id(), name, on_status, set_status, later, delay_seconds, only_actor, times)
        self.store.triggers.append(trigger)
        return trigger.id

    def remove_trigger(self, *, trigger: int) -> None:
        """Takes a trigger away."""
        self.store.triggers = [other for other in self.store.triggers if other.id != trigger]

    def add_sla_policy(self, *, title: str, policy_metrics: list[dict[str, Any]]) -> int:
        """An SLA policy for all tickets; targets in minutes, as in the API."""
        policy_id = self.store.new_id()
        policy = {
            "id": policy_id,
            "title": title,
            "description": None,
            "position": len(self.store.sla_policies) + 1,
            "filter": {"all": [], "any": []},
            "policy_metrics": policy_metrics,
        }
        self.store.sla_policies.append(policy)
        return policy_id

    # The official app's links

    def add_jira_link(self, *, ticket: int, issue_id: str, issue_key: str, integration: str = "") -> int:
        """A row of the official app's table, or of that of a "V2" integration."""
        return self.store.add_link(str(ticket), issue_id, issue_key, integration).id

    def move_jira_link(self, *, link: int, issue_key: str) -> None:
        """The issue moved: its key changes, its id stays."""
        found = self.store.jira_links.get(link)
        if found is None:
            raise not_found()
        found.issue_key = issue_key
        found.updated = self.store.now()

    # Credentials

    def add_oauth_client(
        self, *, client_id: str, secret: str, user: int, scopes: Iterable[str] = ("read", "write")
    ) -> None:
        """A confidential client whose tokens act as `user` and reach at most `scopes`."""
        self.store.user(user)
        self.store.oauth_clients[client_id] = OAuthClient(self.store.new_id(), client_id, secret, user, tuple(scopes))

    def add_api_token(self, *, token: str | None = None) -> str:
        """A token of the account: with it anybody's address opens anybody's account. Returns the token."""
        token = token or self.store.new_token(40)
        self.store.api_tokens[token] = True
        return token

    def revoke_credential(self, *, token: str | None = None, client_id: str | None = None) -> None:
        """Makes an API token, or a client with all its access tokens, worthless."""
        self._credential(token, client_id, alive=False)

    def restore_credential(self, *, token: str | None = None, client_id: str | None = None) -> None:
        """Takes the revocation back; access tokens stay dead."""
        self._credential(token, client_id, alive=True)

    def _credential(self, token: str | None, client_id: str | None, *, alive: bool) -> None:
        store = self.store
        if token is not None and token in store.api_tokens:
            store.api_tokens[token] = alive
        elif client_id is not None and client_id in store.oauth_clients:
            client = store.oauth_clients[client_id]
            client.revoked = not alive
            store.access_tokens = {
                key: access for key, access in store.access_tokens.items() if access.client_id != client.id
            }
        else:
            raise ValueError("there is no such credential")

    def expire_tokens(self) -> None:
        """All access tokens end now; clients can fetch new ones."""
        self.store.access_tokens.clear()

    def revoke_user(self, *, user: int) -> None:
        """Suspends a person or robot."""
        self.edit_user(user=user, suspended=True)

    def restore_user(self, *, user: int) -> None:
        """Takes the suspension back."""
        self.edit_user(user=user, suspended=False)
