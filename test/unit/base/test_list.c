// SPDX-License-Identifier: Apache-2.0
#include "base/list.h"

#include "lib/test.h"

struct item {
    int name;
    struct list link;
};

static int name_of(const struct list *l)
{
    return container_of(l, struct item, link)->name;
}

static void assert_names(const struct list *head, const char *want)
{
    char got[16];
    size_t n = 0;
    list_for(it, head)
    {
        assert_ptr_equal(it->next->prev, it);
        got[n++] = (char)name_of(it);
    }
    got[n] = '\0';
    assert_string_equal(got, want);
}

static void test_order(void **state)
{
    (void)state;
    struct list head = LIST_INIT(head);
    struct item a = {'a', {0}}, b = {'b', {0}}, c = {'c', {0}};
    assert_true(list_empty(&head));
    assert_null(list_pop(&head));
    list_push(&head, &b.link);
    list_push(&head, &c.link);
    list_push_front(&head, &a.link);
    assert_names(&head, "abc");
    list_remove(&b.link);
    assert_false(list_linked(&b.link));
    list_remove(&b.link);
    assert_names(&head, "ac");
    assert_int_equal(name_of(list_pop(&head)), 'a');
    assert_int_equal(name_of(list_pop(&head)), 'c');
    assert_true(list_empty(&head));
}

static void test_remove_while_walking(void **state)
{
    (void)state;
    struct list head = LIST_INIT(head);
    struct item items[6];
    for (int i = 0; i < 6; i++) {
        items[i] = (struct item){'0' + i, {0}};
        list_push(&head, &items[i].link);
    }
    list_for_safe(it, &head)
    {
        if (name_of(it) % 2 == 0) {
            list_remove(it);
        }
    }
    assert_names(&head, "135");
}

static void test_move_all(void **state)
{
    (void)state;
    struct list from = LIST_INIT(from), to = LIST_INIT(to);
    struct item a = {'a', {0}}, b = {'b', {0}}, c = {'c', {0}};
    list_move_all(&to, &from);
    assert_true(list_empty(&to));
    list_push(&from, &a.link);
    list_push(&from, &b.link);
    list_move_all(&to, &from);
    assert_names(&to, "ab");
    assert_true(list_empty(&from));
    list_push(&from, &c.link);
    list_move_all(&to, &from);
    assert_names(&to, "abc");
}

static void push_twice(void *arg)
{
    struct list head = LIST_INIT(head);
    list_push(&head, arg);
    list_push(&head, arg);
}

static void test_push_of_a_linked_item_aborts(void **state)
{
    (void)state;
    struct list item = {0};
    assert_true(test_aborts(push_twice, &item));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_remove_while_walking),
        cmocka_unit_test(test_move_all),
        cmocka_unit_test(test_push_of_a_linked_item_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
