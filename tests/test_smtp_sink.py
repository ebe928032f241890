"""The mail server of the tests, as the process that journeys start."""

import signal
import smtplib
import subprocess
import sys


def test_the_sink_writes_what_it_takes_to_a_folder_and_ends_on_term(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.smtp_sink", "--folder", str(tmp_path / "mail")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        word, port = process.stdout.readline().split()
        assert word == "ready"
        with smtplib.SMTP("127.0.0.1", int(port), "me", timeout=10) as client:
            client.sendmail("a@x.org", ["b@x.org"], b"Message-ID: <1@x>\r\n\r\nhello\r\n")
        assert b"hello" in (tmp_path / "mail" / "000001.eml").read_bytes()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        process.stdout.close()
