/* SPDX-License-Identifier: ISC */
/* The table of formats; the contracts are in formats.h. */
#include <string.h>

#include "common/bytes.h"
#include "vm-img/formats.h"

#define HEAD 4096

const struct format *const formats[] = {
    &format_raw,
    &format_qcow2,
    &format_qcow,
    &format_qed,
    &format_vhdx,
    &format_vpc,
    &format_parallels,
    &format_vmdk,
    &format_vdi,
    &format_bochs,
    &format_cloop,
    &format_dmg,
    NULL,
};

const struct format *
format_find(const char *name)
{
	if (!strcmp(name, "host_device") || !strcmp(name, "file"))
		return &format_raw;
	for (size_t i = 0; formats[i]; i++)
		if (!strcmp(name, formats[i]->name))
			return formats[i];
	return NULL;
}

const struct format *
format_probe(struct file *f, struct why *w)
{
	uint8_t head[HEAD];
	size_t n = min_u64(f->size, sizeof(head));
	int err = file_read(f, head, n, 0);

	if (err) {
		why(w, "%s", strerror(-err));
		return NULL;
	}
	for (size_t i = 0; formats[i]; i++)
		if (formats[i]->probe && formats[i]->probe(head, n, f))
			return formats[i];
	return &format_raw;
}
