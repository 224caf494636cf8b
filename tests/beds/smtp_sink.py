"""A mail server on the loopback (aiosmtpd), for tests.

usage: smtp_sink.py MODE DIR    MODE: starttls, implicit, none, no-starttls
DIR holds server.pem and server.key. Prints its port, then for each mail one line of JSON, read by Python's own parser
of mail: envelope, headers, text. Recipients whose name begins with a number are refused with it: 550@acme.example.
Who signs in must be `user` with the password `pass word`.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

mode, directory = sys.argv[1:]


class Keeps:
    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name.isdigit():
            return f"{name} not this one \x1b[31m"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        headers = [(name.lower(), str(value)) for name, value in mail.items()]
        print(json.dumps({
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "signed_in": bool(session.authenticated),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": headers,
            "type": mail.get_content_type(),
            "text": mail.get_content(),
            "ascii": envelope.content.isascii(),
            "longest_line": max(len(line) for line in envelope.content.split(b"\r\n")),
            "defects": [str(defect) for defect in mail.defects],
        }), flush=True)
        return "250 kept"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"user" and data.password == b"pass word", handled=False)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/server.pem", f"{directory}/server.key")
    options = {"authenticator": authenticate, "auth_require_tls": mode == "starttls"}
    if mode == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Keeps(), hostname="sink.example", **options), "127.0.0.1", 0,
        ssl=context if mode == "implicit" else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
