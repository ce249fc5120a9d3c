// The wizard's words come with the wizard: most visits to the panel need none of them.
import i18next from "i18next";
import { setup as de } from "../../i18n/setup.de";
import { setup as en } from "../../i18n/setup.en";

i18next.addResourceBundle("en", "setup", en);
i18next.addResourceBundle("de", "setup", de);
