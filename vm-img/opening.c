/* SPDX-License-Identifier: ISC */
/* What the command line says of an image to open, --image-opts too; the contracts are in chain.h. */
#include <string.h>

#include "common/diag.h"
#include "vm-img/chain.h"
#include "vm-img/keep.h"
#include "vm-img/words.h"

static bool
one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

static void
take_secret(struct opening *how, const struct options *o, const char *id)
{
	const struct secret *s = secret_find(&o->secrets, id);

	how->secret = s->bytes;
	how->secret_len = s->len;
}

/* A key of --image-opts: of this image, or with backing. before it, of the one below. */
static void
take(struct opening *how, const struct options *o, const char *key, const char *value)
{
	static const char *const names[] = {"file.filename", "filename", "file", NULL};
	static const char *const secrets[] = {"encrypt.key-secret", "key-secret", "password-secret", NULL};
	static const char *const drivers[] = {"file", "host_device", NULL};
	static const char *const formats[] = {"aes", "luks", NULL};

	if (!strncmp(key, "backing.", 8)) {
		if (!how->below)
			how->below = keep(sizeof(*how->below));
		take(how->below, o, key + 8, value);
	} else if (!strcmp(key, "driver"))
		how->format = value;
	else if (one_of(key, names))
		how->path = value;
	else if (one_of(key, secrets))
		take_secret(how, o, value);
	else if (!strcmp(key, "file.locking") || !strcmp(key, "locking"))
		how->share |= !strcmp(value, "off");
	else if (!(!strcmp(key, "file.driver") && one_of(value, drivers)) && !(!strcmp(key, "encrypt.format") && one_of(value, formats)))
		die("--image-opts: %s=%s is not known here (driver=, file.filename=, file.locking=, encrypt.key-secret=, and these "
		    "with backing. before them, are)", key, value);
}

static void
take_list(struct opening *how, const struct options *o, const char *list)
{
	struct words w = words_start(list);
	char *key, *value;

	how->path = NULL;
	while (words_next(&w, &key, &value)) {
		if (!value)
			die("--image-opts: %s: not KEY=VALUE", key);
		take(how, o, key, value);
	}
	if (!how->path)
		die("--image-opts %s: no file.filename=", list);
	if (how->below && !how->format)
		die("--image-opts %s: backing. without driver=", list);
}

void
opening_init(struct opening *how, const struct options *o, const char *word, const char *format, unsigned flags)
{
	*how = (struct opening){
		.path = word,
		.format = format,
		.flags = flags,
		.share = o->share,
		.follow = o->follow,
		.sync = o->sync,
	};
	if (o->image_opts && o->format)
		die("--image-opts and -f: one of them alone");
	if (o->image_opts)
		take_list(how, o, word);
	if (o->share && flags & IMAGE_WRITE)
		die("-U: only for reading");
	if (o->unsafe && flags & IMAGE_WRITE)
		how->flags |= IMAGE_UNSAFE;
}
