"""Checks the signature of a message: verify.py SECRET ID TIMESTAMP SIGNATURE < BODY

SECRET is what is in `secret_file`; the others are the headers webhook-id, webhook-timestamp and webhook-signature. Only the standard
library is needed; `standardwebhooks` on PyPI does the same.
"""
import base64
import hashlib
import hmac
import sys
import time


def verify(secret, message_id, timestamp, signatures, body, tolerance_s=300):
    if abs(time.time() - int(timestamp)) > tolerance_s:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, signature) for signature in signatures.split(" "))


if __name__ == "__main__":
    good = verify(*sys.argv[1:5], sys.stdin.buffer.read())
    print("good" if good else "bad")
    sys.exit(not good)
