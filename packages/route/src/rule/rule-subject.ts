import type { FlowMetadata } from '@sluice/core/ports/flow';

/** What a rule can be matched on. GEOIP and IP-ASN rules write what they looked up into it. */
export type RuleSubject = FlowMetadata;
