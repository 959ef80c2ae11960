"""Checks a signature with a library that is not ours: hook.py SECRET ID TIMESTAMP SIGNATURE < BODY"""
import sys

from standardwebhooks import Webhook

secret, message_id, timestamp, signature = sys.argv[1:]
headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
Webhook(secret).verify(sys.stdin.buffer.read(), headers)
