"""What ``tests/sabotage.py`` takes away, and the tests that name it.

An edit names a text that stands exactly once in its file. The tests are the narrowest
that must notice: a sabotage that stays green has lost its guard.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``old``, which is there once, by ``new``."""

    path: str
    old: str
    new: str = ""


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One wall or lock taken away; ``tests`` are arguments of pytest."""

    name: str
    takes_away: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def without(
    name: str, takes_away: str, path: str, old: str, new: str, *tests: str
) -> Sabotage:
    return Sabotage(name, takes_away, (Edit(path, old, new),), tests)


WALLS = "tests/security/test_walls.py"
BOUNCER = "tests/security/test_pgbouncer.py"
KEYS = "tests/tenants/api/test_authentication.py"
PERMISSIONS = "tests/tenants/api/test_permissions.py"
APPLY = "tests/memories/store/test_apply.py"
BATCH = "tests/memories/store/test_batch.py"
OPERATIONS = "tests/memories/store/test_operations.py"
PROMPT_SERVICE = "tests/memories/services/test_prompts.py"
REPLAYS = "tests/memories/services/test_replays.py"
TRIALS = "tests/memories/services/test_trials.py"
HISTORY = "tests/memories/store/test_append_only.py"
DELETION = "tests/memories/services/test_deletion.py"
RUN = "tests/memories/services/test_run.py"
BACKGROUND = "tests/memories/services/test_background.py"
DELIVERIES = "tests/memories/services/test_deliveries.py"
SENDING = "tests/memories/webhooks/test_sending.py"
WEBHOOKS = "tests/memories/api/test_webhook_deliveries.py"
IDEMPOTENCY = "tests/memories/services/test_idempotency.py"

LOCKOUT = "tests/tenants/console/test_lockout.py"
SECOND_FACTOR = "tests/tenants/console/test_second_factor.py"
SINGLE_SIGN_ON = "tests/tenants/console/test_single_sign_on.py"

TENANT_WALLS = [
    without(
        "rls-policy",
        "the tenant in every policy",
        "tenants/tables.py",
        'condition = f"tenant_id = {CURRENT_TENANT}"',
        'condition = "true"',
        f"{WALLS}::test_every_table_hides_the_other_tenants_rows",
    ),
    without(
        "rls-enable",
        "row-level security",
        "tenants/tables.py",
        """yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'""",
        "",
        f"{WALLS}::test_every_table_hides_the_other_tenants_rows",
    ),
    without(
        "rls-force",
        "FORCE, so that an owner is not let through",
        "tenants/tables.py",
        """yield f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'""",
        "",
        f"{WALLS}::test_row_security_is_forced",
    ),
    without(
        "rls-one-table",
        "the walls of one table of many",
        "memories/migrations/0001_initial.py",
        '        TenantTable("ConversationSummary"),\n',
        "",
        f"{WALLS}::test_row_security_is_forced",
    ),
    without(
        "rls-project",
        "the project in every policy",
        "tenants/tables.py",
        'condition += f" AND ({CURRENT_PROJECT} IS NULL OR {project})"',
        "pass",
        f"{WALLS}::test_every_table_hides_the_other_projects_rows",
    ),
    without(
        "rls-own-memberships",
        "the operator in the policy of memberships",
        "tenants/migrations/0001_initial.py",
        "operator_id = {CURRENT_OPERATOR}",
        "operator_id IS NOT NULL",
        f"{WALLS}::test_an_operator_sees_own_memberships_in_every_tenant",
    ),
    without(
        "composite-keys",
        "references by (tenant, id)",
        "tenants/tables.py",
        "            yield reference.sql(table)",
        "            continue",
        f"{WALLS}::test_a_reference_to_another_tenant_is_refused",
    ),
    without(
        "project-keys",
        "the project in references between rows of a project",
        "tenants/tables.py",
        "shared = by_project and _owned_by_project(target)",
        "shared = False",
        f"{WALLS}::test_a_reference_to_another_project_is_refused",
    ),
    without(
        "scoped-selectors",
        "the error of an unscoped query",
        "tenants/guard.py",
        "return ScopedQuerySet[Row](self.model, using=self._db).bind()",
        "return models.QuerySet(self.model, using=self._db)",
        f"{WALLS}::test_an_unscoped_query_raises",
        f"{WALLS}::test_the_default_manager_is_guarded_too",
    ),
    without(
        "leaked-queryset",
        "the error of a queryset that outlives its scope",
        "tenants/guard.py",
        "if scope is None or scope.tenant_id != self._tenant_id:",
        "if False:",
        f"{WALLS}::test_a_queryset_does_not_outlive_its_scope",
    ),
    without(
        "local-announcement",
        "the end of an announcement with its transaction",
        "tenants/scopes.py",
        "SELECT set_config('app.tenant_id', %s, true)",
        "SELECT set_config('app.tenant_id', %s, false)",
        f"{WALLS}::test_nothing_is_announced_after_a_scope",
    ),
    without(
        "pgbouncer",
        "the same, as PgBouncer sees it",
        "tenants/scopes.py",
        "SELECT set_config('app.tenant_id', %s, true)",
        "SELECT set_config('app.tenant_id', %s, false)",
        f"{BOUNCER}::test_interleaved_tenants_never_meet",
    ),
    without(
        "nested-scope",
        "the outer scope after an inner one",
        "tenants/scopes.py",
        "(outer or _NOTHING).announce()",
        "pass",
        f"{WALLS}::test_a_nested_scope_gives_the_outer_one_back",
    ),
    without(
        "durable-scope",
        "the refusal of a transaction around the outermost scope",
        "tenants/scopes.py",
        "durable=outer is None",
        "durable=False",
        f"{WALLS}::test_an_outermost_scope_refuses_a_foreign_transaction",
    ),
]

KEYS_AND_FILTERS = [
    without(
        "key-secret",
        "the comparison of a key's secret",
        "tenants/keys.py",
        "return hmac.compare_digest(digest_secret(self.secret), digest)",
        "return True",
        f"{KEYS}::test_a_wrong_secret_is_refused",
    ),
    without(
        "key-constant-time",
        "a comparison that takes as long whatever is wrong",
        "tenants/keys.py",
        "hmac.compare_digest(digest_secret(self.secret), digest)",
        "digest_secret(self.secret) == digest",
        "tests/tenants/test_keys.py::test_a_secret_is_compared_in_constant_time",
    ),
    without(
        "key-expiry",
        "the end of a key",
        "tenants/services.py",
        "is_expired = key.expires_at is not None and at >= key.expires_at",
        "is_expired = False",
        f"{KEYS}::test_an_expired_key_is_refused",
    ),
    without(
        "key-revocation",
        "the revocation of a key",
        "tenants/services.py",
        "return key.is_live and key.revoked_at is None and not is_expired",
        "return key.is_live and not is_expired",
        f"{KEYS}::test_a_revoked_key_is_refused_at_once",
    ),
    without(
        "key-live",
        "the suspension of a tenant",
        "tenants/services.py",
        "return key.is_live and key.revoked_at is None and not is_expired",
        "return key.revoked_at is None and not is_expired",
        f"{KEYS}::test_a_tenant_that_is_not_active_is_refused",
    ),
    without(
        "key-read-only",
        "the refusal of writes by a read-only key",
        "tenants/api/permissions.py",
        "if not access.may_write and not _only_reads(request, view):",
        "if False:",
        f"{PERMISSIONS}::test_a_read_only_key_may_not_write",
        "tests/memories/api/test_outsiders.py::test_a_read_only_key_never_writes",
    ),
    without(
        "key-narrowed",
        "the refusal of foreign ids by a narrowed key",
        "tenants/api/permissions.py",
        "if getattr(scope, name) not in (None, only):",
        "if False:",
        f"{PERMISSIONS}::test_a_narrowed_key_does_not_find_others",
    ),
    without(
        "narrowed-filter",
        "the bounds of a narrowed key on every filter",
        "memories/api/requests.py",
        "return restrict(filters, own) if access.only else filters",
        "return filters",
        "tests/memories/api/test_search.py::test_a_narrowed_key_finds_its_own_only",
        "tests/memories/api/test_list.py::test_a_narrowed_key_lists_its_own_only",
    ),
    without(
        "narrowed-memory",
        "the bounds of a narrowed key on one memory",
        "memories/api/views/base.py",
        "if any(getattr(memory, key) != only for key, only in access.only.items()):",
        "if False:",
        "tests/memories/api/test_memory.py",
        "tests/memories/api/test_history.py",
    ),
    without(
        "filter-scope",
        "the subject that a filter must name",
        "memories/selectors/filters.py",
        "if needs_scope and not condition.names_scope:",
        "if False:",
        "tests/memories/selectors/test_filters.py::test_it_refuses_and_says_what",
    ),
    without(
        "every-route",
        "the key that every route of the API asks for",
        "memplatform/settings.py",
        '"DEFAULT_PERMISSION_CLASSES": ["tenants.api.permissions.KeyMayDoThis"],',
        '"DEFAULT_PERMISSION_CLASSES": [],',
        "tests/security/test_every_route_is_listed.py",
    ),
]

HISTORY_AND_LOCKS = [
    without(
        "append-only-grant",
        "the grant that lets versions be closed and nothing else",
        "memories/migrations/0001_initial.py",
        'TenantTable("MemoryVersion", grants=VERSION)',
        'TenantTable("MemoryVersion")',
        f"{HISTORY}::test_the_application_cannot_rewrite_history",
    ),
    without(
        "append-only-events",
        "the grant that lets events be written once",
        "memories/migrations/0001_initial.py",
        'TenantTable("MemoryEvent", grants=APPEND_ONLY)',
        'TenantTable("MemoryEvent")',
        f"{HISTORY}::test_the_application_cannot_rewrite_history",
    ),
    without(
        "append-only-trigger",
        "the trigger that lets a version be closed once",
        "memories/migrations/sql/append_only.sql",
        "IF OLD.known_to IS NOT NULL THEN",
        "IF false THEN",
        f"{HISTORY}::test_a_version_is_closed_once_and_for_all",
    ),
    without(
        "append-only-audit",
        "the trigger of the audit",
        "tenants/migrations/0001_initial.py",
        "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();",
        "FOR EACH ROW WHEN (false) EXECUTE FUNCTION refuse_audit_change();",
        f"{WALLS}::test_the_audit_refuses_even_its_owner",
    ),
    without(
        "anchor-lock",
        "the lock of an anchor",
        "memories/store/batch.py",
        "for anchor in rows.select_for_update()}",
        "for anchor in rows}",
        f"{BATCH}::test_edits_at_once_follow_one_another",
    ),
    without(
        "anchor-lock-required",
        "the error of a change without the anchor's lock",
        "memories/store/batch.py",
        "        if anchor is None:\n            raise ScopeError",
        "        if anchor is None:\n            return clock.now()\n            raise ScopeError",
        f"{BATCH}::test_a_memory_is_not_changed_without_its_anchors_lock",
    ),
    without(
        "anchor-order",
        "the wait for the older adds of an anchor",
        "memories/store/operations.py",
        "return is_free and is_due and not _has_older(operation)",
        "return is_free and is_due",
        f"{OPERATIONS}::test_only_the_oldest_of_an_anchor_runs",
    ),
    without(
        "claim-lock",
        "the lock under which an operation is claimed",
        "memories/store/operations.py",
        "operation = Operation.objects.select_for_update().filter(id=operation_id).first()",
        "operation = Operation.objects.filter(id=operation_id).first()",
        f"{OPERATIONS}::test_of_two_claims_at_once_one_is_granted",
    ),
    without(
        "lease-token",
        "the fencing token that the store checks",
        "memories/store/operations.py",
        "            lease_token=lease.token,\n",
        "",
        f"{OPERATIONS}::test_a_guessed_token_holds_nothing",
        f"{APPLY}::test_a_lost_lease_writes_nothing",
    ),
    without(
        "lease-time",
        "the respect for a lease that still holds",
        "memories/store/operations.py",
        "is_free = operation.lease_until is None or operation.lease_until < now",
        "is_free = True",
        f"{OPERATIONS}::test_what_runs_is_not_claimed_again",
    ),
    without(
        "settled-once",
        "the check that an operation still runs when it is settled",
        "memories/store/operations.py",
        "            status=Operation.Status.RUNNING,\n        )",
        "        )",
        f"{OPERATIONS}::test_what_is_settled_cannot_be_settled_again",
        f"{APPLY}::test_the_same_ingestion_has_its_effect_once",
    ),
    without(
        "stale-heads",
        "the second decision about a memory that changed meanwhile",
        "memories/store/apply.py",
        "                raise StaleContext\n",
        "                continue\n",
        f"{APPLY}::test_a_stale_head_asks_for_another_decision",
    ),
    without(
        "said-once",
        "the unique key of a text in its scope",
        "memories/store/heads.py",
        "return next(active, None) or next(deleted, None)",
        "return None",
        "tests/memories/services/test_verbatim.py::test_the_same_words_again_are_confirmed_and_not_doubled",
    ),
    without(
        "no-transaction-across-models",
        "the refusal to ask a model inside a transaction",
        "tenants/scopes.py",
        '    if _open.get() is not None:\n        raise ScopeError("A model',
        '    if False:\n        raise ScopeError("A model',
        f"{RUN}::test_models_refuse_to_be_asked_inside_a_transaction",
    ),
    without(
        "one-transaction",
        "the one transaction of a change",
        "memories/store/batch.py",
        "        script.insert(self._events)\n",
        "",
        f"{BATCH}::test_every_change_is_a_head_a_version_and_an_event",
    ),
]

NOTHING_LOST = [
    without(
        "delete-barrier",
        "the barrier that a delete of a scope writes",
        "memories/store/barriers.py",
        "return any(covers(pattern, scope) for pattern in patterns)",
        "return False",
        f"{DELETION}::test_an_add_accepted_before_and_applied_after_is_dropped",
    ),
    without(
        "barrier-lock",
        "the lock between deletes of scopes and what is being written",
        "memories/store/barriers.py",
        '    _lock("pg_advisory_xact_lock", operation.project_id)\n',
        "",
        f"{DELETION}::test_a_delete_waits_for_what_is_being_written",
    ),
    without(
        "deleted-stays-deleted",
        "the memory of what was deleted since an add came in",
        "memories/store/heads.py",
        "            and head.known_from >= self._accepted_at\n",
        "            and False\n",
        f"{APPLY}::test_a_memory_deleted_meanwhile_stays_deleted",
        f"{APPLY}::test_deleted_words_do_not_come_back_by_an_older_add",
    ),
    without(
        "deleted-is-recalled",
        "the recall of what was deleted since an add came in",
        "memories/selectors/recall.py",
        "            AND d.known_from >= %s)))",
        "            AND d.known_from < %s)))",
        "tests/memories/services/test_deleted_in_flight.py",
    ),
    without(
        "idempotency-key",
        "the answer kept under an Idempotency-Key",
        "memories/services/add.py",
        "        if record and record.answer is not None:",
        "        if False:",
        f"{IDEMPOTENCY}::test_the_same_key_gives_the_same_event",
    ),
    without(
        "idempotency-unique",
        "the one record of an Idempotency-Key",
        "memories/services/idempotency.py",
        "    record = IdempotencyRecord.objects.select_for_update().get(\n"
        "        api_key_id=access.key_id, key=key\n    )",
        "    record = mine",
        f"{IDEMPOTENCY}::test_racing_requests_with_one_key_are_one_add",
    ),
    without(
        "idempotency-body",
        "the refusal of another body under the same key",
        "memories/services/idempotency.py",
        "if record.body_hash != body_hash:",
        "if False:",
        f"{IDEMPOTENCY}::test_the_same_key_with_another_body_is_refused",
    ),
    without(
        "dead-broker",
        "the patience with a broker that is down",
        "memories/wake.py",
        "    except (OSError, KombuError, RedisError) as exc:",
        "    except ZeroDivisionError as exc:",
        "tests/memories/services/test_add.py::test_a_broker_that_is_down_does_not_fail_it",
    ),
    without(
        "sweep",
        "the sweep that wakes what lost its message",
        "memories/migrations/sql/due.sql",
        "WHERE o.status IN ('PENDING', 'RUNNING')",
        "WHERE o.status IN ('RUNNING')",
        f"{BACKGROUND}::test_an_add_whose_message_was_lost_is_woken_again",
    ),
    without(
        "sweep-lost-worker",
        "the sweep that wakes what lost its worker",
        "memories/migrations/sql/due.sql",
        "AND (o.status = 'PENDING' OR o.lease_until < at)",
        "AND o.status = 'PENDING'",
        f"{BACKGROUND}::test_an_add_whose_worker_died_is_woken_when_its_lease_is_over",
    ),
    without(
        "outbox",
        "the row that tells webhooks of a change",
        "memories/store/batch.py",
        "told = tell(script, self.project_id, self._outbox)",
        "told = tell(script, self.project_id, [])",
        f"{BATCH}::test_every_change_the_wire_knows_waits_in_the_outbox",
    ),
    without(
        "ledger",
        "the balance of the ledger",
        "memories/store/apply.py",
        "        raise LedgerImbalance(problem)",
        "        pass",
        "tests/memories/store/test_ledger.py::test_a_ledger_that_does_not_balance_takes_everything_back",
    ),
    without(
        "failure-reason",
        "the reason of a failure in the ledger",
        "memories/services/run.py",
        "        _fail_ledger(operation, error)\n",
        "",
        f"{RUN}::test_a_fault_that_will_not_pass_fails_at_once",
    ),
    without(
        "given-up",
        "the end of an add that kills its runner every time",
        "memories/services/run.py",
        "if operation.attempts > settings.MAX_ATTEMPTS:",
        "if False:",
        f"{RUN}::test_an_add_that_kills_its_runner_every_time_is_given_up",
    ),
]

OUTSIDE = [
    without(
        "redirects",
        "the refusal to follow a model endpoint elsewhere with its key",
        "memories/providers/openai.py",
        "follow_redirects=False",
        "follow_redirects=True",
        "tests/memories/providers/test_openai.py::test_it_says_what_a_refused_redirect_was",
    ),
    without(
        "private-address",
        "the refusal of endpoints in the platform's own network",
        "memories/providers/addresses.py",
        "if not all(map(is_public, addresses)):",
        "if False:",
        "tests/memories/providers/test_addresses.py::test_an_endpoint_on_this_machine_is_not_asked",
    ),
    without(
        "provider-address",
        "the check of a provider's address",
        "memories/services/configuration.py",
        'if not has_place or parts.scheme not in ("http", "https"):',
        "if False:",
        "tests/memories/services/test_configuration.py::test_a_wrong_provider_is_refused",
    ),
    without(
        "provider-key-at-rest",
        "the encryption of a provider's key",
        "memplatform/lib/sealing.py",
        'return _box(keys).encrypt(text.encode()).decode() if text else ""',
        "return text",
        "tests/memories/services/test_configuration.py::test_a_provider_key_is_encrypted_at_rest_and_serves",
    ),
    without(
        "reply-deadline",
        "the end of a reply that drips",
        "memories/providers/openai.py",
        "if self._deadline.is_over():",
        "if False:",
        "tests/memories/providers/test_openai.py::test_a_hanging_server_holds_no_longer_than_the_deadline",
    ),
    without(
        "prompt-sections",
        "the quotes around what users say",
        "memories/pipeline/prompting.py",
        '    return _UNSAFE.sub(lambda match: f"\\\\u{ord(match[0]):04x}", literal)',
        "    return text",
        "tests/memories/pipeline/test_prompting.py::test_no_text_can_forge_a_section_a_message_or_a_memory",
    ),
    without(
        "documents-elsewhere",
        "the refusal of documents that are not on the internet",
        "memories/providers/documents.py",
        "if not settings.ALLOW_PRIVATE_DOCUMENTS and not all(map(is_public, addresses)):",
        "if False:",
        "tests/memories/providers/test_documents.py::test_what_is_not_on_the_internet_is_not_asked",
    ),
    without(
        "documents-deadline",
        "the end of a document that drips",
        "memories/providers/documents.py",
        "        if self._deadline.is_over():",
        "        if False:",
        "tests/memories/providers/test_documents.py::test_a_head_that_drips_does_not_either",
    ),
    without(
        "documents-go-too",
        "the trigger that takes what a message brought along with its words",
        "memories/migrations/sql/gone_too.sql",
        "WHEN (OLD.content IS NOT NULL AND NEW.content IS NULL)\n"
        "    EXECUTE FUNCTION memories_attachments_go_too();",
        "WHEN (false) EXECUTE FUNCTION memories_attachments_go_too();",
        "tests/memories/api/test_attachments.py::test_erasure_takes_them_along",
    ),
    without(
        "categories-fence",
        "the token of whoever looks for categories",
        "memories/store/categories.py",
        "        if waiting.row_id in rows and rows[waiting.row_id].attempts == waiting.attempts",
        "        if waiting.row_id in rows",
        "tests/memories/services/test_categories.py::test_who_lost_the_lease_writes_nothing",
    ),
    without(
        "log-silence",
        "the silence of the log about what a provider quotes",
        "tenants/api/errors.py",
        "reason = _sqlstate(exc) or error.code",
        "reason = exc",
        "tests/tenants/api/test_errors.py::test_the_log_does_not_repeat_what_a_provider_quotes",
    ),
    without(
        "relearning",
        "the mask over our own words",
        "memories/pipeline/relearning.py",
        "return any(len(shingles & text) >= OURS * len(shingles) for text in known)",
        "return False",
        f"{RUN}::test_what_we_recalled_is_not_learnt_again",
    ),
    without(
        "body-limit",
        "the limit of a request's nesting",
        "tenants/api/parsing.py",
        "MAX_NESTING = 64",
        "MAX_NESTING = 640",
        "tests/tenants/api/test_parsing.py::test_nesting_has_a_limit",
    ),
]

TOLD = [
    without(
        "webhook-address",
        "the refusal of webhooks into the platform's own network",
        "memories/webhooks/addresses.py",
        "if not all(self.reaches(host, address) for address in addresses):",
        "if False:",
        f"{SENDING}::test_an_address_inside_is_not_connected_to",
    ),
    without(
        "webhook-pin",
        "the connection to the very address that was judged",
        "memories/providers/addresses.py",
        "return super().connect_tcp(last, port, *args, **kwargs)",
        "return super().connect_tcp(host, port, *args, **kwargs)",
        f"{SENDING}::test_what_is_judged_is_what_is_connected_to",
    ),
    without(
        "webhook-redirect",
        "the refusal to follow a receiver elsewhere",
        "memories/webhooks/sending.py",
        "follow_redirects=False",
        "follow_redirects=True",
        f"{SENDING}::test_a_redirect_is_not_followed",
    ),
    without(
        "webhook-deadline",
        "the end of a receiver that drips",
        "memories/webhooks/sending.py",
        "return self._stream.read(max_bytes, self._left_s(httpcore2.ReadTimeout))",
        "return self._stream.read(max_bytes, timeout)",
        f"{SENDING}::test_a_receiver_that_takes_its_time_is_left",
    ),
    without(
        "webhook-signature",
        "the body in a webhook's signature",
        "memories/webhooks/signing.py",
        'signed = f"{message_id}.{timestamp}.".encode() + body',
        'signed = f"{message_id}.{timestamp}.".encode()',
        "tests/memories/webhooks/test_signing.py::test_it_covers_id_time_and_body",
    ),
    without(
        "webhook-secret-at-rest",
        "the encryption of a webhook's secret",
        "memplatform/lib/sealing.py",
        'return _box(keys).encrypt(text.encode()).decode() if text else ""',
        "return text",
        "tests/memories/api/test_webhooks.py::test_it_is_made_with_a_secret_that_is_shown_once",
    ),
    without(
        "delivery-standing",
        "the look at whether a key reaches a webhook's project",
        "memories/api/projects/standing.py",
        "return [s for s in standings if s.role or s.project_id == access.project_id]",
        "return list(standings)",
        "tests/memories/api/test_webhooks.py::test_a_key_does_not_reach_where_its_owner_does_not",
    ),
    without(
        "delivery-wall",
        "the walls around deliveries",
        "memories/migrations/0001_initial.py",
        '        TenantTable("Delivery"),\n',
        "",
        f"{WALLS}::test_every_table_hides_the_other_tenants_rows",
    ),
    without(
        "delivery-lease",
        "the lease of a delivery",
        "memories/services/deliveries.py",
        ".exclude(lease_until__gt=now)",
        "",
        f"{DELIVERIES}::test_what_a_dead_worker_held_is_sent_when_its_lease_is_over",
    ),
    without(
        "delivery-fence",
        "the fence against a courier that was taken over",
        "memories/services/deliveries.py",
        "status=PENDING, attempts=attempt.number)",
        "status=PENDING)",
        f"{DELIVERIES}::test_who_has_lost_its_lease_writes_nothing",
    ),
    without(
        "delivery-rest",
        "the rest of a webhook that fails",
        "memories/services/deliveries.py",
        "return webhook.paused_until is not None and webhook.paused_until > now",
        "return False",
        f"{DELIVERIES}::test_a_webhook_that_fails_rests",
    ),
    without(
        "delivery-erasure",
        "what an erasure does to deliveries",
        "memories/migrations/sql/erase.sql",
        "    PERFORM erase_told(tenant, project, accepted);\n",
        "",
        f"{DELIVERIES}::test_an_erasure_takes_what_was_told_and_ends_what_was_to_be",
    ),
]

# Roles belong to the server and stay as they were made: last.
ROLES = [
    without(
        "role-bypass",
        "NOBYPASSRLS of the role that serves",
        "memplatform/embedded/bootstrap.py",
        '"LOGIN NOBYPASSRLS NOSUPERUSER NOCREATEROLE NOCREATEDB",\n    # Owns',
        '"LOGIN BYPASSRLS NOSUPERUSER NOCREATEROLE NOCREATEDB",\n    # Owns',
        f"{WALLS}::test_the_role_cannot_bypass_row_security",
    ),
]

SIGN_IN = [
    without(
        "guesses-counted",
        "the end of guessing",
        "tenants/console/lockout.py",
        "return bool(cursor.fetchone()[0] <= most)",
        "return bool(cursor.fetchone())",
        f"{LOCKOUT}::test_a_hundred_at_once_are_a_hundred",
    ),
    without(
        "codes-from-anywhere",
        "the count of codes wherever they come from",
        "tenants/console/account/forms.py",
        'if not attempt.begin():\n            raise get_adapter().validation_error("too',
        'if not attempt:\n            raise get_adapter().validation_error("too',
        f"{SECOND_FACTOR}::test_codes_cannot_be_tried_from_many_addresses",
    ),
    without(
        "code-once",
        "the single use of a code in all processes",
        "tenants/console/account/forms.py",
        "if not lockout.use_of_code(self.user, code).begin():",
        "if not code:",
        f"{SECOND_FACTOR}::test_a_code_serves_once",
    ),
    without(
        "email-verified",
        "the provider's word that an e-mail is verified",
        "tenants/console/account/adapters.py",
        'if address.verified is True or address.verified == "true":',
        "if address:",
        f"{SINGLE_SIGN_ON}::test_an_unverified_email_signs_nobody_in",
    ),
    without(
        "invited-email",
        "the e-mail that an invitation is for",
        "tenants/services.py",
        "if invitation.email != email.lower():",
        "if not email:",
        f"{SINGLE_SIGN_ON}::test_an_invitation_of_somebody_else_does_not_serve",
    ),
]

PROMPTS = [
    without(
        "trial-erasure",
        "what an erasure does to what replays made of the erased",
        "memories/migrations/sql/erase_told.sql",
        "       SET decisions = NULL,\n           outcome",
        "       SET outcome",
        f"{REPLAYS}::test_erasure_takes_what_replays_made_of_it",
    ),
    without(
        "trial-late-write",
        "the look whether a trial still waits",
        "memories/services/replays.py",
        "id=trial.id, outcome=PromptTrial.Outcome.WAITING",
        "id=trial.id",
        f"{REPLAYS}::test_an_erasure_while_the_model_thinks_wins",
    ),
    without(
        "recall-of-then",
        "the instant whose memories a trial recalls",
        "memories/pipeline/run.py",
        "as_of=add.as_of,",
        "as_of=None,",
        f"{TRIALS}::test_it_recalls_what_was_known_then",
    ),
    without(
        "canary-draw",
        "the share that an ingestion's id is drawn into",
        "memories/services/run.py",
        "known.for_ingestion(f.ingestion.id) is setup",
        "known is not None",
        f"{PROMPT_SERVICE}::"
        "test_adds_that_hear_different_prompts_are_not_decided_together",
    ),
]

REVIEWED = "tests/memories/services/test_review.py"
REVIEW = [
    without(
        "review-gate",
        "the gate that all adds pass",
        "memories/pipeline/gate.py",
        "    gate = _Gate(messages, kept, source)\n    return tuple(",
        "    gate = _Gate(messages, kept, source)\n"
        "    return tuple(decisions) if gate else tuple(",
        f"{REVIEWED}::test_every_engine_passes_the_gate",
        f"{REVIEWED}::test_an_order_waits",
    ),
    without(
        "held-change",
        "the quarantine of what was not approved",
        "memories/store/apply.py",
        "        elif decision.concerns:\n",
        "        elif False:\n",
        f"{REVIEWED}::test_the_old_fact_stays_in_force_until_then",
    ),
    without(
        "reworded-target",
        "the look at what a target says by now",
        "memories/store/review.py",
        'return "" if target.vector_number == held.target_number else REWORDED',
        'return ""',
        f"{REVIEWED}::test_a_target_that_was_reworded_stays_beside",
    ),
    without(
        "quarantine-untold",
        "the silence of webhooks on what waits",
        "memories/store/batch.py",
        "if topic is None or is_hidden:",
        "if topic is None:",
        f"{REVIEWED}::test_nobody_is_told_of_a_rejection",
    ),
]

SABOTAGES = [
    *TENANT_WALLS,
    *KEYS_AND_FILTERS,
    *HISTORY_AND_LOCKS,
    *NOTHING_LOST,
    *OUTSIDE,
    *TOLD,
    *ROLES,
    *SIGN_IN,
    *PROMPTS,
    *REVIEW,
]
