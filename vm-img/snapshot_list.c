/* SPDX-License-Identifier: ISC */
/* The internal snapshots of a qcow2 image, as text and in JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/image/qcow2_state.h"
#include "vm-img/size.h"
#include "vm-img/snapshot_list.h"
#include "vm-img/text.h"

/* A column of its width, at least. */
static void
column(const char *s, size_t width)
{
	size_t len = strlen(s);

	text_string(s);
	printf("%*s", len < width ? (int)(width - len) : 0, "");
}

static void
print_one(const struct qcow2_snapshot *s)
{
	char date[32] = "", icount[24] = "", size[32], clock[32];
	time_t at = s->date_sec;
	uint64_t seconds = s->clock_nsec / 1000000000;
	struct tm tm;

	if (localtime_r(&at, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(clock, sizeof(clock), "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64, seconds / 3600, seconds / 60 % 60, seconds % 60,
		 s->clock_nsec / 1000000 % 1000);
	if (s->icount != UINT64_MAX)
		snprintf(icount, sizeof(icount), "%" PRIu64, s->icount);
	column(s->id, 9);
	putchar(' ');
	column(s->name, 16);
	printf(" %8s%20s%13s%11s\n", image_size_text(s->vm_state_size, size), date, clock, icount);
}

void
snapshot_list(struct image *i)
{
	const struct qcow2 *q = qcow2_of(i);

	if (!q->nsnapshots)
		return;
	printf("Snapshot list:\n%-9s %-16s %8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
	for (uint32_t k = 0; k < q->nsnapshots; k++)
		print_one(&q->snapshots[k]);
}

void
snapshot_describe(struct image *i, struct describe *d)
{
	const struct qcow2 *q = qcow2_of(i);

	if (!q->nsnapshots)
		return;
	d->begin(d, "snapshots", true);
	for (uint32_t k = 0; k < q->nsnapshots; k++) {
		const struct qcow2_snapshot *s = &q->snapshots[k];

		d->begin(d, NULL, false);
		if (s->icount != UINT64_MAX)
			d->number(d, "icount", (int64_t)s->icount);
		d->number(d, "vm-clock-nsec", (int64_t)(s->clock_nsec % 1000000000));
		d->string(d, "name", s->name);
		d->number(d, "date-sec", s->date_sec);
		d->number(d, "date-nsec", s->date_nsec);
		d->number(d, "vm-clock-sec", (int64_t)(s->clock_nsec / 1000000000));
		d->string(d, "id", s->id);
		d->number(d, "vm-state-size", (int64_t)s->vm_state_size);
		d->end(d);
	}
	d->end(d);
}
