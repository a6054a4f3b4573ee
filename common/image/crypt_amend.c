/* SPDX-License-Identifier: ISC */
/* Passphrases of an image added and taken away: what `amend` does with LUKS's key slots. */
#include <errno.h>
#include <string.h>

#include "common/image/crypt_parts.h"

#define ITER_TIME 2000

static int
count_active(const struct luks *l)
{
	int n = 0;

	for (int i = 0; i < LUKS_SLOTS; i++)
		n += l->slots[i].active;
	return n;
}

static const char *
add(struct crypt *c, const struct crypt_amend *a, struct why *w)
{
	uint8_t key[CRYPT_KEY_MAX];
	int slot = a->slot, err;

	if (!a->new_secret)
		return why(w, "encrypt.new-secret is needed for a new passphrase");
	if (slot >= 0 && c->luks.slots[slot].active && !a->force)
		return why(w, "key slot %d is in use: erase it first", slot);
	for (int i = LUKS_SLOTS - 1; i >= 0 && a->slot < 0; i--)
		if (!c->luks.slots[i].active)
			slot = i;
	if (slot < 0)
		return why(w, "no key slot is free");
	memcpy(key, c->key, sizeof(key));
	err = 0;
	if (a->old_secret)
		err = luks_unlock(&c->luks, c->file, c->off, -1, a->old_secret, a->old_len, key);
	if (err >= 0)
		err = luks_slot_add(&c->luks, c->file, c->off, slot, a->iter_time ? a->iter_time : ITER_TIME, a->new_secret,
		    a->new_len, key);
	explicit_bzero(key, sizeof(key));
	if (err == -EACCES)
		return why(w, "encrypt.old-secret opens no key slot");
	return err ? why(w, "key slot %d: %s", slot, strerror(-err)) : NULL;
}

/* Which slots are to go, as bits; 0 with the reason. */
static unsigned
chosen(struct crypt *c, const struct crypt_amend *a, struct why *w)
{
	uint8_t key[CRYPT_KEY_MAX];
	unsigned slots = 0;

	if (a->slot >= 0 && !c->luks.slots[a->slot].active) {
		why(w, "key slot %d is free already", a->slot);
		return 0;
	}
	if (!a->old_secret)
		return 1U << a->slot;
	for (int i = 0; i < LUKS_SLOTS; i++) {
		if (!c->luks.slots[i].active || (a->slot >= 0 && i != a->slot))
			continue;
		int err = luks_unlock(&c->luks, c->file, c->off, i, a->old_secret, a->old_len, key);

		if (err < 0 && err != -EACCES) {
			why(w, "key slot %d: %s", i, strerror(-err));
			return 0;
		}
		if (err >= 0)
			slots |= 1U << i;
	}
	explicit_bzero(key, sizeof(key));
	if (!slots)
		why(w, a->slot >= 0 ? "encrypt.old-secret is not what opens the key slot" : "encrypt.old-secret opens no key slot");
	return slots;
}

static const char *
erase(struct crypt *c, const struct crypt_amend *a, struct why *w)
{
	unsigned slots;

	if (a->new_secret)
		return why(w, "encrypt.new-secret is not for taking a passphrase away");
	if (a->iter_time)
		return why(w, "encrypt.iter-time is not for taking a passphrase away");
	if (a->slot < 0 && !a->old_secret)
		return why(w, "encrypt.keyslot or encrypt.old-secret must say which passphrase is to go");
	slots = chosen(c, a, w);
	if (!slots)
		return w->text;
	if (__builtin_popcount(slots) == count_active(&c->luks) && !a->force)
		return why(w, "this is the last passphrase: without it the data is lost");
	for (int i = 0; i < LUKS_SLOTS; i++) {
		int err = slots >> i & 1 ? luks_slot_erase(&c->luks, c->file, c->off, i) : 0;

		if (err)
			return why(w, "key slot %d: %s", i, strerror(-err));
	}
	return NULL;
}

const char *
crypt_amend(struct crypt *c, const struct crypt_amend *a, struct why *w)
{
	if (!c->is_luks)
		return why(w, "only LUKS has key slots");
	if (a->slot < -1 || a->slot >= LUKS_SLOTS)
		return why(w, "encrypt.keyslot: 0 to %d, not %d", LUKS_SLOTS - 1, a->slot);
	if (a->active && !c->has_key)
		return why(w, "encrypted: a passphrase is needed");
	return a->active ? add(c, a, w) : erase(c, a, w);
}
