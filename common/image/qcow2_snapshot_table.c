/* SPDX-License-Identifier: ISC */
/* The snapshot table, written. qcow2.txt, "Snapshots". */
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qcow2_snapshot.h"

static uint32_t
unknown_extra(const struct qcow2_snapshot *s)
{
	return s->unknown ? s->extra_size - QCOW2_SNAPSHOT_EXTRA : 0;
}

static size_t
entry_size(const struct qcow2_snapshot *s)
{
	return align_up(QCOW2_SNAPSHOT_ENTRY + QCOW2_SNAPSHOT_EXTRA + unknown_extra(s) + strlen(s->id) + strlen(s->name), 8);
}

static void
put_entry(uint8_t *p, const struct qcow2_snapshot *s)
{
	uint32_t unknown = unknown_extra(s);
	size_t id_len = strlen(s->id), name_len = strlen(s->name);

	put_be64(p, s->l1_offset);
	put_be32(p + 8, s->l1_size);
	put_be16(p + 12, (uint16_t)id_len);
	put_be16(p + 14, (uint16_t)name_len);
	put_be32(p + 16, s->date_sec);
	put_be32(p + 20, s->date_nsec);
	put_be64(p + 24, s->clock_nsec);
	/* The extra data has all of its bits. */
	put_be32(p + 32, s->vm_state_size > UINT32_MAX ? 0 : (uint32_t)s->vm_state_size);
	put_be32(p + 36, QCOW2_SNAPSHOT_EXTRA + unknown);
	p += QCOW2_SNAPSHOT_ENTRY;
	put_be64(p, s->vm_state_size);
	put_be64(p + 8, s->disk_size);
	put_be64(p + 16, s->icount);
	p += QCOW2_SNAPSHOT_EXTRA;
	if (unknown)
		memcpy(p, s->unknown, unknown);
	memcpy(p + unknown, s->id, id_len);
	memcpy(p + unknown + id_len, s->name, name_len);
}

uint8_t *
qcow2_snapshot_table(const struct qcow2_snapshot *list, uint32_t n, size_t *len)
{
	uint8_t *table;
	size_t at = 0;

	for (uint32_t i = 0; i < n; i++)
		at += entry_size(&list[i]);
	*len = at;
	table = calloc(1, at ? at : 1);
	at = 0;
	for (uint32_t i = 0; table && i < n; at += entry_size(&list[i++]))
		put_entry(table + at, &list[i]);
	return table;
}
