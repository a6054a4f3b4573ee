/* SPDX-License-Identifier: ISC */
/* One option of a qcow2 image amended, as vm-img amend -o does it. */
#ifndef TESTS_UNIT_AMEND_H
#define TESTS_UNIT_AMEND_H

#include <string.h>

#include "common/image/qcow2_amend.h"

static inline const char *
amend(struct image *i, const char *name, const char *text, uint64_t number, struct why *w)
{
	const struct image_option *o = qcow2_amend_options;
	struct image_setting s = {.text = text, .number = number};
	struct image_create c = {.settings = &s, .nsettings = 1};

	while (strcmp(o->name, name))
		o++;
	s.option = o;
	return qcow2_amend(i, &c, NULL, w);
}

#endif
