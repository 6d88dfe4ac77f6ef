import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Replaces the slug of a deleted tenant, a customer's name, by a pseudonym wherever the catalog keeps it: at the end of the
 * transaction that deletes the tenant, whichever release or client does that, and here for tenants deleted earlier.
 */
export class Erasure1768000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX operation_tenants_tenant ON operation_tenants (tenant_id)');
    await runner.query(NAMES);
    await runner.query(ERASE);
    await runner.query(ERASE_DELETED_EARLIER);
    await runner.query(APPEND_ONLY);
    await runner.query(TRIGGER);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TRIGGER erase ON tenants');
    await runner.query(APPEND_ONLY_BEFORE);
    await runner.query(`DROP FUNCTION catalog_tenant_deleted, catalog_is_erasable, catalog_erase_tenant,
      catalog_erased_fields, catalog_erased_list, catalog_erased_text, catalog_pseudonym`);
    await runner.query('DROP INDEX operation_tenants_tenant');
  }
}

const NAMES = `
  -- It has the form of a slug, because stored inputs of operations are validated when they run again.
  CREATE FUNCTION catalog_pseudonym(tenant_id text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT 'deleted-' || left(tenant_id, 8) $$;

  -- Replaces the slug as a word of a text; also in the form that names of schemas and databases of former releases have.
  CREATE FUNCTION catalog_erased_text(value text, slug text, pseudonym text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT regexp_replace(value, '(?<![a-z0-9-])' || replace(slug, '-', '[-_]') || '(?![a-z0-9-])', pseudonym, 'gi')
  $$;

  CREATE FUNCTION catalog_erased_list(slugs jsonb, slug text, pseudonym text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN jsonb_typeof(slugs) = 'array' AND slugs ? slug THEN slugs - slug || to_jsonb(pseudonym) ELSE slugs END
  $$;

  -- Changes the fields that name tenants. Other fields have values like "row", which may be a slug as well.
  CREATE FUNCTION catalog_erased_fields(value jsonb, slug text, pseudonym text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN jsonb_typeof(value) <> 'object' THEN value ELSE (
      SELECT coalesce(jsonb_object_agg(key, CASE
        WHEN key IN ('slug', 'tenant') AND field = to_jsonb(slug) THEN to_jsonb(pseudonym)
        WHEN key = 'tenants' THEN catalog_erased_list(field, slug, pseudonym)
        WHEN key = 'canary' THEN catalog_erased_fields(field, slug, pseudonym)
        WHEN key = 'domains' AND jsonb_typeof(field) = 'array'
          THEN (SELECT coalesce(jsonb_agg(pseudonym), '[]') FROM jsonb_array_elements(field))
        WHEN key IN ('message', 'name', 'role', 'database') AND jsonb_typeof(field) = 'string'
          THEN to_jsonb(catalog_erased_text(field #>> '{}', slug, pseudonym))
        ELSE field END), '{}')
      FROM jsonb_each(value) AS fields (key, field)) END
  $$;`;

const ERASE = `
  -- Lists of several tenants, and entries about API keys, name a tenant by its slug only. Until the end of the transaction
  -- that deletes it, no other tenant can have that slug; until leaves out what names a later one.
  CREATE FUNCTION catalog_erase_tenant(erased uuid, former text, until timestamptz) RETURNS void
  LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  DECLARE
    pseudonym text := catalog_pseudonym(erased::text);
    own text[];
    shared uuid[];
  BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('erasure of a tenant')); -- two would update rows in different orders
    own := ARRAY(SELECT id::text FROM operations WHERE tenant_id = erased);
    shared := ARRAY(SELECT id FROM operations WHERE tenant_id IS NULL AND created_at <= until
      AND position(former IN concat(input, state, error)) > 0 ORDER BY id);

    UPDATE operations SET subject = pseudonym, state = '{}', result = catalog_erased_fields(result, former, pseudonym),
      error = catalog_erased_fields(error, former, pseudonym) WHERE tenant_id = erased;
    UPDATE operations SET input = catalog_erased_fields(input, former, pseudonym),
      state = CASE WHEN state ? 'canary' THEN state || jsonb_build_object(
        'canary', catalog_erased_list((state ->> 'canary')::jsonb, former, pseudonym)::text) ELSE state END,
      error = catalog_erased_fields(error, former, pseudonym) WHERE id = ANY (shared);
    UPDATE operation_tenants SET slug = pseudonym, error = catalog_erased_fields(error, former, pseudonym)
      WHERE tenant_id = erased;
    UPDATE audit_log a SET
      subject = CASE WHEN subject_kind <> 'operation' THEN pseudonym WHEN subject_id = ANY (own)
        THEN split_part(subject, ' ', 1) || ' ' || pseudonym ELSE subject END,
      before = catalog_erased_fields(before, former, pseudonym), after = catalog_erased_fields(after, former, pseudonym)
      WHERE subject_kind = 'tenant' AND subject_id = erased::text
        OR subject_kind = 'operation' AND subject_id = ANY (own || shared::text[])
        OR subject_kind = 'api-key' AND subject = former AND at <= until
          AND NOT EXISTS (SELECT FROM api_keys k WHERE k.id = a.subject_id);
  END $$;`;

/** In the order of their deletion, so that each gets the entries of its own keys. */
const ERASE_DELETED_EARLIER = `
  ALTER TABLE audit_log DISABLE TRIGGER append_only;
  DO $$
  DECLARE
    deleted record;
  BEGIN
    FOR deleted IN
      SELECT subject_id::uuid AS id, max(subject) AS slug, max(at) AS until FROM audit_log a
      WHERE subject_kind = 'tenant' AND subject_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        AND NOT EXISTS (SELECT FROM tenants t WHERE t.id::text = a.subject_id)
      GROUP BY subject_id ORDER BY max(a.id)
    LOOP
      PERFORM catalog_erase_tenant(deleted.id, deleted.slug, deleted.until);
    END LOOP;
  END $$;
  ALTER TABLE audit_log ENABLE TRIGGER append_only;`;

/** Admits what the trigger of a deletion updates, and no update by a client. */
const APPEND_ONLY = `
  CREATE FUNCTION catalog_is_erasable(subject_kind text, subject_id text) RETURNS boolean
  LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT CASE subject_kind
      WHEN 'tenant' THEN NOT EXISTS (SELECT FROM tenants WHERE id = subject_id::uuid)
      WHEN 'operation' THEN NOT EXISTS (
        SELECT FROM operations o JOIN tenants t ON t.id = o.tenant_id WHERE o.id = subject_id::uuid)
      WHEN 'api-key' THEN NOT EXISTS (SELECT FROM api_keys WHERE id = subject_id)
      ELSE false END
  $$;

  CREATE OR REPLACE FUNCTION catalog_append_only() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  DECLARE
    erased constant text[] := '{subject,before,after}';
  BEGIN
    IF TG_OP = 'UPDATE' AND pg_trigger_depth() > 1 THEN
      IF to_jsonb(NEW) - erased = to_jsonb(OLD) - erased AND catalog_is_erasable(OLD.subject_kind, OLD.subject_id) THEN
        RETURN NEW;
      END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is only ever added to';
  END $$;`;

const APPEND_ONLY_BEFORE = `
  CREATE OR REPLACE FUNCTION catalog_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'the audit log is only ever added to';
  END $$;`;

/** Deferred to the end of the transaction, which records the removal after it has deleted the row. */
const TRIGGER = `
  CREATE FUNCTION catalog_tenant_deleted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    PERFORM catalog_erase_tenant(OLD.id, OLD.slug, 'infinity');
    RETURN NULL;
  END $$;
  CREATE CONSTRAINT TRIGGER erase AFTER DELETE ON tenants DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION catalog_tenant_deleted();`;
