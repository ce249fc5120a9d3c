#!/bin/sh
# Makes a development pair for update bundles in a folder: an authority that images trust (ca.pem) and a
# signer below it (signer.pem, signer.key). Never committed; a release signs with a key of its own.
# Usage: scripts/bundle-keys.sh FOLDER
# What is there already is left alone.
set -eu
folder=${1:?usage: scripts/bundle-keys.sh FOLDER}
mkdir -p "$folder"
umask 077
cd "$folder"
if [ -s signer.pem ] && [ -s ca.pem ]; then
    exit 0
fi
curve="ec -pkeyopt ec_paramgen_curve:P-256"
# shellcheck disable=SC2086
openssl req -x509 -newkey $curve -nodes -days 3650 -subj "/CN=Roombox development CA" \
    -keyout ca.key -out ca.pem 2>/dev/null
# shellcheck disable=SC2086
openssl req -newkey $curve -nodes -subj "/CN=Roombox development signer" \
    -keyout signer.key -out signer.csr 2>/dev/null
# RAUC asks this use of whoever signs (check-purpose=codesign).
printf 'extendedKeyUsage=critical,codeSigning\nkeyUsage=critical,digitalSignature\n' >usage.cnf
openssl x509 -req -in signer.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 \
    -extfile usage.cnf -out signer.pem 2>/dev/null
rm -f signer.csr usage.cnf
echo "bundle-keys: a development authority and a signer are in $folder"
