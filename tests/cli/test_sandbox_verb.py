"""`syncd sandbox`: serves until it is stopped, and writes a configuration that is ready to use."""

from __future__ import annotations

import json
import signal
import smtplib

import requests

from tests.cli.house import House, until


def test_it_says_where_it_is_and_writes_a_configuration_that_check_accepts(house: House) -> None:
    config = house.folder / "rehearsal.yaml"
    process = house.start("sandbox", "--json", "--empty", "--seed", "3", "--lag", "2", "--write-config", str(config))
    try:
        until(lambda: process.out.rstrip().endswith("}"), "the addresses")
        told = json.loads(process.out)
        assert requests.get(f"{told['control_url']}/clock", timeout=5).json()["rate"] == 1.0
        with smtplib.SMTP(told["mail_host"], told["mail_port"], timeout=5) as mailbox:
            mailbox.sendmail("a@acme.example", ["b@acme.example"], "Subject: hello\r\n\r\n")
        mails = requests.get(f"{told['control_url']}/mails", timeout=5).json()["mails"]
        assert [mail["subject"] for mail in mails] == ["hello"]
        house.config, house.environ = config, {}
        assert house.fine("check", "--json").json["ok"]
        assert oct(config.with_name(".jira_token").stat().st_mode & 0o777) == "0o600"
        process.send(signal.SIGINT)
        assert process.wait() == 0
        assert "Traceback" not in process.err
    finally:
        process.kill()


def test_a_port_that_is_taken_is_a_sentence(house: House) -> None:
    port = house.sandbox.zendesk_url.rpartition(":")[2]
    said = house.syncd("sandbox", "--zendesk-port", port, config=False)
    assert said.code == 64
    assert f"port {port}" in said.err
