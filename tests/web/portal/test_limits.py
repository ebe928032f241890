"""How much a customer may send: enough for every conversation, and no more than a disk can bear."""

import io

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

TEXT = "A long story\nin two lines."


def send(client, address="/portal/new/", sizes=(), **form):
    """A message, with files of so many MiB."""
    data = MultiDict({"title": "Broken", "text": TEXT, "description": TEXT, **form})
    files = [FileStorage(io.BytesIO(bytes(size * 2**20)), f"{size}.bin") for size in sizes]
    data.setlist("files", files)
    boundary, body = encode_multipart(data)
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post(address, data=body, content_type=kind)


def test_a_customer_may_send_so_much_an_hour_and_loses_no_text(
    web, make, client, client_of, ask, owner, set_setting
):
    number = ask().number
    address = f"/portal/{number}/comment/"
    limiter = web.extensions["emberone.limiter"]
    limiter.reset()
    # What was refused is not counted.
    assert [send(client, sizes=(24, 23, 2)).status_code for _ in range(11)] == [422] * 11
    set_setting(attachment_limit_mb=25)
    for n in range(10):
        assert send(client, sizes=(24, 23, 2), title=f"Broken {n}").status_code == 303
    # Ten times 50 are used up, by one form for the others too.
    others = [f"/portal/{number}/{verb}/" for verb in ("close", "reopen", "edit", "rate")]
    for where in ("/portal/new/", address, *others):
        answer = send(client, where)
        assert answer.status_code == 429
        assert "A long story\nin two lines." in answer.text
        assert int(answer.headers["Retry-After"]) > 0
    assert owner.execute("SELECT count(*) FROM comments").fetchone() == (0,)
    # Another customer has a share of their own.
    assert send(client_of(make.customer())).status_code == 303
    limiter.reset()
    assert send(client, address).status_code == 303


def test_files_go_along_with_saying_that_it_is_solved_or_is_not(client, ask, owner):
    """The buttons stand beside the reply box, and send all that is in it."""
    number = ask().number
    for verb in ("close", "reopen"):
        answer = send(client, f"/portal/{number}/{verb}/", sizes=(3,), text=f"As I {verb} it.")
        assert answer.status_code == 303, verb
    kept = (
        "SELECT count(*) FROM attachments WHERE comment_id IS NOT NULL AND size = 3 * 1024 * 1024"
    )
    assert owner.execute(kept).fetchone() == (2,)
