"""Refusals of the pretend Jira, in the language that the switch `language` names.

The English texts are those that real servers were seen to give; the other languages are there so that nobody
reads a meaning out of a text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from werkzeug.wrappers import Response

from syncd.sandbox.web import Refused

ENGLISH: Final[dict[str, str]] = {
    "no_issue": "Issue does not exist or you do not have permission to see it.",
    "no_issue_dc": "Issue Does Not Exist",
    "login": "You do not have the permission to see the specified issue.",
    "login_required": "Login Required",
    "unauthenticated": "Client must be authenticated to access this resource.",
    "removed": (
        "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration "
        "guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
    ),
    "not_on_screen": "Field '{field}' cannot be set. It is not on the appropriate screen, or unknown.",
    "required": "Field {name} is required.",
    "required_create": "{name} is required.",
    "twice": "Field '{field}' is specified in both 'fields' and 'update'.",
    "bad_transition": "Transition id '{id}' is not valid for this issue.",
    "bad_transition_dc": (
        "It seems that you have tried to perform a workflow operation ({name}) that is not valid for the current "
        "state of this issue ({key}). The likely cause is that somebody has changed the issue recently."
    ),
    "no_transition": "Missing 'transition' identifier",
    "internal": "Internal server error",
    "conflict": "The issue could not be updated because somebody else was updating it at the same time.",
    "limit": "The issue has reached the limit of {what}.",
    "empty_update": "one of 'fields' or 'update' required",
    "no_project": "Specify a valid project ID or key",
    "no_type": "Specify a valid issue type",
    "no_summary": "You must specify a summary of the issue.",
    "summary_long": "Summary must be less than 255 characters.",
    "summary_newline": "The summary is invalid because it contains newline characters.",
    "label_space": "The label '{label}' contains spaces which is invalid.",
    "label_long": "The label '{label}' exceeds the maximum length of 255 characters.",
    "text_long": "The entered text is too long. It exceeds the allowed limit of 32,767 characters.",
    "bad_value": "Specify a valid value for {field}",
    "no_user": "User '{user}' does not exist.",
    "not_assignable": "User '{user}' cannot be assigned issues.",
    "no_version": "Version name '{name}' is not valid",
    "no_component": "Component name '{name}' is not valid",
    "bad_option": "Option value '{value}' is not valid",
    "bad_date": "Error parsing date string: {value}",
    "bad_type": "data was not {expected}",
    "bad_operation": "Field '{field}' does not support operation '{operation}'",
    "no_permission": "You do not have permission to do this: {permission}.",
    "no_create": "You do not have permission to create issues in this project.",
    "no_notify": "To discard the user notification either admin or project admin permissions are required.",
    "not_comment": "Comment body is not valid!",
    "empty_comment": "Comment body can not be empty!",
    "no_comment": "Can not find a comment for the id: {id}.",
    "no_role": "Role: {name} does not exist.",
    "no_group": "Group: {name} does not exist.",
    "not_in_role": "You are currently not a member of the project role: {name}.",
    "order_by": "The value '{value}' is not supported for orderBy.",
    "no_property": "The property with key '{key}' does not exist.",
    "property_json": "The property value must be valid JSON of at most 32768 characters.",
    "property_key": "The property key must be at most 255 characters long.",
    "title": "'title' is required.",
    "url": "'url' is required.",
    "object": "'object' is required.",
    "global_id_long": "'globalId' must be at most 255 characters long.",
    "no_remote_link": "No remote issue link with the id '{id}' exists for this issue.",
    "no_global_id": "No remote issue link with the given globalId exists for this issue.",
    "no_link_type": "No issue link type with name '{name}' found.",
    "no_link": "No issue link with id '{id}' exists.",
    "xsrf": "XSRF check failed",
    "too_big": "The file is larger than the maximum allowed size.",
    "no_file": "No file was given in a part named 'file'.",
    "no_attachment": "The attachment with id '{id}' does not exist",
    "no_project_key": "No project could be found with key '{key}'.",
    "no_version_id": "Could not find version for id '{id}'",
    "page_too_big": "Parameter 'maxResults' must not exceed the limit '{limit}'",
    "too_many": "At most {limit} {what} may be given.",
    "too_few": "The list '{what}' must not be empty.",
    "payload": "Invalid request payload. Refer to the REST API documentation and try again.",
    "unreadable": "Can not deserialize the value of '{name}' out of the token that was given",
    "has_subtasks": "The issue '{key}' has subtasks. You must specify the 'deleteSubtasks' parameter to delete it.",
    "missing_parameter": "The '{name}' query parameter is required.",
    "bad_permission": "Unrecognized permission: {name}",
    "strict_names": "The query parameter 'username' is not supported in GDPR strict mode.",
    "bad_token": "The provided next page token is invalid or expired.",
    "bad_number": "Parameter '{name}' is not a valid number.",
    "unbounded": ("Unbounded JQL queries are not allowed here. Please add a search restriction to your query."),
    "jql_value": "The value '{value}' does not exist for the field '{field}'.",
    "jql_field": "Field '{field}' does not exist or you do not have permission to view it.",
    "jql_issue": "An issue with key '{value}' does not exist for field '{field}'.",
    "jql_issue_id": "A value with ID '{value}' does not exist for the field '{field}'.",
    "jql_operator": "The operator '{operator}' is not supported by the '{field}' field.",
    "jql_date": (
        "Date value '{value}' for field '{field}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
        "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
    ),
    "jql_function": "Unable to find JQL function '{name}'.",
    "jql_syntax": "Error in the JQL Query: {detail}",
    "jql_order": "Not able to sort using field '{field}'.",
    "workflow_read": "You do not have permission to view workflows.",
    "rate": "Rate limit exceeded.",
    "not_json": "Unexpected character in the request body: it is not valid JSON.",
    "unknown_key": (
        'Unrecognized field "{key}" (Class com.atlassian.jira.rest.{bean}), not marked as ignorable\n at '
        "[Source: org.apache.catalina.connector.CoyoteInputStream; line: 1, column: 2]"
    ),
    "method": "HTTP 405 Method Not Allowed",
}
FRENCH: Final[dict[str, str]] = {
    "no_issue": "Ce ticket n'existe pas ou vous n'avez pas l'autorisation de le consulter.",
    "not_on_screen": (
        "Le champ « {field} » ne peut pas être défini. Il ne se trouve pas sur l'écran approprié ou est inconnu."
    ),
    "required": "Le champ {name} est obligatoire.",
    "required_create": "{name} est obligatoire.",
    "bad_transition": "L'identifiant de transition « {id} » n'est pas valide pour ce ticket.",
    "bad_value": "Spécifiez une valeur valide pour {field}",
    "conflict": "Le ticket n'a pas pu être mis à jour : quelqu'un d'autre le modifiait.",
    "jql_value": "La valeur « {value} » n'existe pas pour le champ « {field} ».",
    "jql_field": "Le champ « {field} » n'existe pas ou vous n'êtes pas autorisé à le consulter.",
    "unbounded": "Les requêtes JQL illimitées ne sont pas autorisées ici.",
    "rate": "Limite de débit dépassée.",
    "no_permission": "Vous n'avez pas l'autorisation nécessaire : {permission}.",
}
CHINESE: Final[dict[str, str]] = {
    "no_issue": "问题不存在或者您没有查看的权限。",
    "not_on_screen": "字段“{field}”不能设置。它不在相应的屏幕上，或者是未知的。",
    "required": "{name}字段是必填的。",
    "required_create": "{name}是必填的。",
    "bad_transition": "转换 ID“{id}”对此问题无效。",
    "bad_value": "请为{field}指定一个有效的值",
    "conflict": "问题未能更新，因为其他人正在更新它。",
    "jql_value": "字段“{field}”中不存在值“{value}”。",
    "jql_field": "字段“{field}”不存在或者您没有查看的权限。",
    "unbounded": "此处不允许使用无限制的 JQL 查询。",
    "rate": "超出速率限制。",
    "no_permission": "您没有权限执行此操作：{permission}。",
}
LANGUAGES: Final[dict[str, dict[str, str]]] = {"en": ENGLISH, "fr": FRENCH, "zh": CHINESE}


def say(language: str, text: str, **values: object) -> str:
    """The text with this name in a language; English where there is no translation."""
    return LANGUAGES.get(language, ENGLISH).get(text, ENGLISH[text]).format(**values)


class Refusal(Refused):
    """An answer with a status from 400 up and Jira's error body; nothing was changed.

    `str()` of it is a sentence for a person who acts in the sandbox.
    """

    def __init__(
        self,
        status: int,
        messages: list[str] | None = None,
        errors: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.messages = messages or []
        self.errors = dict(errors or {})
        data = {"errorMessages": self.messages, "errors": self.errors} if body is None else body
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        kind = "text/plain" if isinstance(data, str) else "application/json"
        super().__init__(Response(text, status, headers=headers, content_type=f"{kind};charset=UTF-8"))

    def __str__(self) -> str:
        parts = [*self.messages, *(f"{name}: {text}" for name, text in self.errors.items())]
        return "; ".join(parts) or f"refused with {self.status}"
