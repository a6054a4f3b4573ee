/* links: vm-tap/acl.c */
/* SPDX-License-Identifier: ISC */
/* The bridge helper's list: any text has a verdict or a reason, and what denies cannot be undone by more lines before or behind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vm-tap/acl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text between two others. */
static bool
parse(struct acl *a, const char *before, const uint8_t *data, size_t size, const char *behind)
{
	size_t lead = strlen(before), len = lead + size + strlen(behind);
	char *text = malloc(len + 1);
	bool good;

	if (!text)
		abort();
	memcpy(text, before, lead);
	memcpy(text + lead, data, size);
	memcpy(text + lead + size, behind, strlen(behind));
	*a = (struct acl){.bridge = "br0"};
	good = acl_parse(a, "acl", text, len);
	free(text);
	return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acl a;

	/* An include would read what this machine happens to have. */
	if (memmem(data, size, "include", 7))
		return 0;
	if (!parse(&a, "", data, size, "") && !a.why[0])
		abort();
	if (parse(&a, "deny br0\n", data, size, "\nallow all\n") && !a.denied)
		abort();
	if (parse(&a, "allow all\n", data, size, "\ndeny br0\n") && !a.denied)
		abort();
	return 0;
}
