SUMMARY = "NetworkManager on a read-only root"
HOMEPAGE = "https://roombox.example.org"

inherit roombox_tree

RDEPENDS:${PN} = "networkmanager"

do_install:append() {
    install -d ${D}${sysconfdir}
    ln -s /run/NetworkManager/resolv.conf ${D}${sysconfdir}/resolv.conf
}
