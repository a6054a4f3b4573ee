/* SPDX-License-Identifier: ISC */
/* The values that keys of a wire may have, from a table. */
#include <string.h>

#include "common/nbd.h"
#include "common/num.h"
#include "kvm-run/wiring_keys.h"

static bool
is_mac(const char *value)
{
	uint8_t mac[6];

	return mac_parse(value, mac);
}

static bool
is_mtu(const char *value)
{
	uint64_t mtu;

	/* RFC 791's least; virtio 1.2, 5.1.4.1 has the same. */
	return num_parse(value, 68, 65535, &mtu);
}

static bool
is_serial(const char *value)
{
	return strlen(value) <= 20; /* virtio 1.2, 5.2.6: GET_ID */
}

static bool
is_export(const char *value)
{
	char name[NBD_NAME_MAX + 1];

	return nbd_name(value, name, sizeof(name));
}

static const struct key_rule {
	enum wire_kind kind;
	const char *key;
	bool (*valid)(const char *value); /* or the words of `wanted` */
	const char *wanted;
} key_rules[] = {
    {WIRE_NET, "mac", is_mac, "a unicast address such as 52:54:00:12:34:56"},
    {WIRE_NET, "mtu", is_mtu, "a number from 68 to 65535"},
    {WIRE_NET, "model", NULL, "virtio|e1000"},
    {WIRE_FB, "model", NULL, "vga|virtio"},
    {WIRE_BLK, "serial", is_serial, "at most 20 characters"},
    {WIRE_BLK, "cache", NULL, "writeback|writethrough|none|directsync|unsafe"},
    {WIRE_BLK, "bus", NULL, "virtio|ahci"},
    {WIRE_BLK, "media", NULL, "disk|cdrom"},
    {WIRE_BLK, "export", is_export, "a name, with %XX for what a wire cannot hold"},
};

static bool
in_words(const char *word, const char *words)
{
	size_t len = strlen(word);

	for (const char *p = words; p; p = strchr(p, '|')) {
		p += *p == '|';
		if (!strncmp(p, word, len) && (p[len] == '|' || !p[len]))
			return true;
	}
	return false;
}

void
wiring_check_keys(const struct wire *w, struct wire_faults *f)
{
	for (const struct key_rule *r = key_rules; r < key_rules + sizeof(key_rules) / sizeof(*key_rules); r++) {
		const char *value = r->kind == w->kind ? wire_get(w, r->key) : NULL;

		if (value && !(r->valid ? r->valid(value) : in_words(value, r->wanted)))
			wire_fault(f, w, "%s=%s: not %s", r->key, value, r->wanted);
	}
}
