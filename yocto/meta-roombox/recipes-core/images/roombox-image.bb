SUMMARY = "The image of a box: nobody can log in, no key is in it"
HOMEPAGE = "https://roombox.example.org"

require roombox-image.inc

EXTRA_USERS_PARAMS = "usermod -p '*' root;"
inherit extrausers
