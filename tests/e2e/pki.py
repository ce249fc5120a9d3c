"""Authorities and certificates for tests, made on the spot."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def pem(what) -> str:
    """A certificate or a key."""
    if hasattr(what, "public_bytes"):
        return what.public_bytes(serialization.Encoding.PEM).decode()
    return what.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A root, one authority between, and what that one issues."""

    def __init__(self, called="Test"):
        self.key, self.between_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = self.sign(f"{called} Root", f"{called} Root", self.key.public_key(), self.key, 3000, ca=True)
        self.between = self.sign(
            f"{called} Between", f"{called} Root", self.between_key.public_key(), self.key, 2000, ca=True)
        self.called = called

    def sign(self, subject, issuer, public, by, days, ca=False, names=(), since=1):
        # A certificate may begin before this minute, and end before it too.
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=since))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([general(one) for one in names]), False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        return builder.sign(by, hashes.SHA256())

    def issue(self, *names, days=90, since=1, bits=None):
        """Certificate and key, PEM."""
        key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
        return pem(self.answer(key.public_key(), names, days, since)), pem(key)

    def answer(self, public, names, days=90, since=1):
        subject = str(names[0]) if names else "nameless"
        return self.sign(subject, f"{self.called} Between", public, self.between_key, days, names=names, since=since)

    def chain(self, certificate) -> str:
        return certificate + pem(self.between)


def general(one):
    try:
        return x509.IPAddress(ipaddress.ip_address(one))
    except ValueError:
        return x509.DNSName(one)
