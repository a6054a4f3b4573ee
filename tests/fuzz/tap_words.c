/* pkg: libnl-3.0 */
/* SPDX-License-Identifier: ISC */
/* The words of vm-tap: names of interfaces, which the kernel must take, and settings of a port, which agree with themselves. */
#include <linux/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/iface.h"
#include "common/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
name(const char *word)
{
	const char *fault = iface_name_fault(word);

	if (!fault && (strlen(word) >= IFNAMSIZ || strpbrk(word, "/:% \t\n") || iface_pattern_fault(word)))
		abort();
}

static void
setting(const char *word)
{
	struct attrs a = {0}, none = {0};
	char how[80];

	if (attrs_parse(&port_settings, &a, word))
		return;
	if (!a.given || attrs_differ(&port_settings, &a, &a, how, sizeof(how)) ||
	    !attrs_differ(&port_settings, &a, &none, how, sizeof(how)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *word = malloc(size + 1);

	if (!word)
		abort();
	memcpy(word, data, size);
	word[size] = '\0';
	name(word);
	setting(word);
	free(word);
	return 0;
}
