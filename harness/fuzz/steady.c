/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into every fuzzer: what an input does must not depend on chance, or a run with a fixed
 * seed would be another one each time. jansson orders its objects by a random seed of its own.
 */
#include <jansson.h>

__attribute__((constructor)) static void steady(void)
{
	json_object_seed(1);
}
