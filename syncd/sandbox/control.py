"""The sandbox's remote control: the clock, faults, the journal, the state, people's acts, switches, mails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from syncd.sandbox.faults import Fault

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from syncd.sandbox.server import Sandbox

#: What `/act/jira/...` may call.
VERBS_OF_JIRA: Final = frozenset(
    {
        "add_api_token",
        "add_automation",
        "add_pat",
        "add_project",
        "add_scoped_token",
        "add_status",
        "add_user",
        "add_version",
        "allow",
        "comment",
        "create_issue",
        "delete_comment",
        "delete_file",
        "delete_issue",
        "deny",
        "edit",
        "edit_comment",
        "force_status",
        "link_issues",
        "move_issue",
        "release_version",
        "rename_status",
        "restore",
        "revoke",
        "set_internal",
        "set_members",
        "transition",
    }
)
_FAULT_KEYS: Final = frozenset(field.name for field in fields(Fault))


class ControlApp:
    """JSON over HTTP; what is asked wrongly gets 400 with an `error` sentence."""

    url_map = Map(
        [
            Rule("/clock", endpoint="clock", methods=["GET", "POST"]),
            Rule("/faults", endpoint="faults", methods=["GET", "POST", "DELETE"]),
            Rule("/journal", endpoint="journal", methods=["GET"]),
            Rule("/state", endpoint="state", methods=["GET"]),
            Rule("/state/tickets/<int:ticket_id>", endpoint="ticket", methods=["GET"]),
            Rule("/state/issues/<key>", endpoint="issue", methods=["GET"]),
            Rule("/act/<service>/<verb>", endpoint="act", methods=["POST"]),
            Rule("/switches", endpoint="switches", methods=["GET", "PUT"]),
            Rule("/mails", endpoint="mails", methods=["GET", "DELETE"]),
            Rule("/mails/faults", endpoint="mail_faults", methods=["GET", "PUT"]),
        ]
    )

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            endpoint, arguments = self.url_map.bind_to_environ(environ).match()
            handler: Callable[..., Any] = getattr(self, f"_{endpoint}")
            response = _json(handler(request, **arguments))
        except HTTPException as error:
            response = _json({"error": str(error.description)}, error.code or 500)
        except (LookupError, TypeError, ValueError) as error:
            response = _json({"error": f"{error}"}, 404 if isinstance(error, LookupError) else 400)
        return response(environ, start_response)

    def _clock(self, request: Request) -> dict[str, float]:
        clock = self._sandbox.clock
        if request.method == "POST":
            asked = _body(request)
            if not asked or not set(asked) <= {"advance", "set", "rate"}:
                raise ValueError("the clock knows advance, set and rate")
            if "rate" in asked:
                clock.rate = float(asked["rate"])
            if "set" in asked:
                clock.set(float(asked["set"]))
            if "advance" in asked:
                clock.advance(float(asked["advance"]))
            self._sandbox.tick()
        return {"now": clock.now(), "rate": clock.rate}

    def _faults(self, request: Request) -> dict[str, Any]:
        faults = self._sandbox.ctx.faults
        if request.method == "DELETE":
            faults.clear()
            return {"cleared": True}
        if request.method == "POST":
            asked = _body(request)
            unknown = set(asked) - _FAULT_KEYS
            if unknown or not {"kind", "service"} <= set(asked):
                raise ValueError(f"a fault has kind and service, and may have {', '.join(sorted(_FAULT_KEYS))}")
            return {"id": faults.add(Fault(**asked))}
        return {"fired": faults.fired(), "pending": len(faults.pending())}

    def _journal(self, request: Request) -> dict[str, Any]:
        journal = self._sandbox.ctx.journal
        return {"entries": journal.entries(int(request.args.get("since", "0"))), "last": journal.last}

    def _state(self, _request: Request) -> dict[str, Any]:
        return self._sandbox.state()

    def _ticket(self, _request: Request, ticket_id: int) -> Any:
        return self._sandbox.zendesk.ticket_state(ticket=ticket_id)

    def _issue(self, _request: Request, key: str) -> Any:
        return self._sandbox.jira.issue_state(key)

    def _act(self, request: Request, service: str, verb: str) -> dict[str, Any]:
        return {"result": self._sandbox.act(service, verb, **_body(request))}

    def _switches(self, request: Request) -> dict[str, Any]:
        """Switches by service. PUT takes them so, or plain: a plain name is set wherever it is known."""
        both = {"zendesk": self._sandbox.zendesk.switches, "jira": self._sandbox.jira.switches}
        if request.method == "PUT":
            changes = []
            for name, value in _body(request).items():
                wanted = value.items() if name in both and isinstance(value, dict) else [(name, value)]
                for switch, setting in wanted:
                    known = [
                        service
                        for service, switches in both.items()
                        if switch in switches and name in {service, switch}
                    ]
                    if not known:
                        raise ValueError(f"there is no switch {switch!r}")
                    changes += [(service, switch, setting) for service in known]
            for service, switch, setting in changes:
                both[service][switch] = setting
        return dict(both)

    def _mails(self, request: Request) -> dict[str, Any]:
        box = self._sandbox.mailbox
        if request.method == "DELETE":
            box.clear()
        return {"mails": box.mails(int(request.args.get("since", "0"))), "port": box.port}

    def _mail_faults(self, request: Request) -> dict[str, Any]:
        box = self._sandbox.mailbox
        return box.set_switches(_body(request)) if request.method == "PUT" else box.switches()


def _body(request: Request) -> dict[str, Any]:
    raw = request.get_data()
    found = json.loads(raw) if raw else {}
    if not isinstance(found, dict):
        raise TypeError("the body must be a JSON object")
    return found


def _json(data: Any, status: int = 200) -> Response:
    return Response(json.dumps(data, ensure_ascii=False, default=str), status, content_type="application/json")
