/* SPDX-License-Identifier: ISC */
/* vm-img amend: options of a qcow2 image changed in place. */
#include <string.h>

#include "common/diag.h"
#include "common/image/qcow2_amend.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/settings.h"

/* The words about key slots; false: there are none. */
static bool
keys(const struct options *o, const struct image_create *c, struct crypt_amend *a, const char *file)
{
	const struct image_setting *state = image_setting(c, "encrypt.state"), *old = image_setting(c, "encrypt.old-secret"),
				   *new = image_setting(c, "encrypt.new-secret");
	const struct secret *s;

	a->slot = (int)image_number(c, "encrypt.keyslot", (uint64_t)-1);
	a->iter_time = (uint32_t)image_number(c, "encrypt.iter-time", 0);
	if (!state) {
		if (old || new || a->slot != -1)
			die("%s: Parameter 'encrypt.state' is missing", file);
		return false;
	}
	if (strcmp(state->text, "active") && strcmp(state->text, "inactive"))
		die("%s: encrypt.state is active or inactive, not %s", file, state->text);
	a->active = *state->text == 'a';
	if (new) {
		s = secret_find(&o->secrets, new->text);
		a->new_secret = s->bytes;
		a->new_len = s->len;
	}
	if (old) {
		s = secret_find(&o->secrets, old->text);
		a->old_secret = s->bytes;
		a->old_len = s->len;
	}
	return true;
}

int
cmd_amend(int argc, char **argv)
{
	enum { OPTION_FORCE = OPTION_OWN };
	static const struct option longs[] = {{"force", no_argument, NULL, OPTION_FORCE}, LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_END};
	struct image_create c = {.size = 0};
	struct crypt_amend key = {.slot = -1};
	struct settings settings = {.n = 0};
	struct opening how;
	struct options o;
	struct image *i;
	struct why w;
	bool some;

	options_init(&o, argv[0]);
	while (options_next(&o, argc, argv, ":f:o:t:qp", longs, "") != -1)
		key.force = true;
	if (!o.nsettings)
		die("Must specify options (-o)");
	settings_parse(&settings, &o, qcow2_amend_options, "Amend options for 'qcow2':", optind < argc ? argv[optind] : "");
	c.settings = settings.list;
	c.nsettings = settings.n;
	opening_init(&how, &o, options_operand(argc, argv, "image"), o.format, IMAGE_WRITE);
	how.alone = true;
	i = chain_open_sealed(&how);
	if (!i)
		return 1;
	if (strcmp(i->format->name, "qcow2"))
		die("Format driver '%s' does not support option amendment", i->format->name);
	some = keys(&o, &c, &key, how.path);
	if (qcow2_amend(i, &c, some ? &key : NULL, &w))
		die("%s: %s", how.path, w.text);
	chain_finish(i, how.path, NULL);
	return 0;
}
