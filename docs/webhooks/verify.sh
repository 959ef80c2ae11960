#!/usr/bin/env bash
# Checks the signature of a message: verify.sh SECRET ID TIMESTAMP SIGNATURE < BODY
#
# SECRET is what is in `secret_file`; the others are the headers webhook-id, webhook-timestamp and webhook-signature. Needs openssl.
set -euo pipefail
secret=${1#whsec_} id=$2 timestamp=$3 signatures=$4

bad() { echo bad; exit 1; }
[[ $timestamp =~ ^[0-9]+$ ]] || bad
age=$(($(date +%s) - timestamp))
((age <= 300 && age >= -300)) || bad
key=$(base64 -d <<<"$secret" | od -An -v -tx1 | tr -d ' \n')
expected=v1,$({ printf '%s.%s.' "$id" "$timestamp"; cat; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
for signature in $signatures; do
  if [ "$signature" = "$expected" ]; then echo good; exit; fi
done
bad
