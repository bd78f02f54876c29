import type { Static, TSchema } from 'typebox';
import type * as routeSchemas from './route-schemas.ts';
import type * as schemas from './schemas.ts';

type Immutable<T> = T extends readonly unknown[]
  ? { readonly [K in keyof T]: Immutable<T[K]> }
  : T extends object
    ? { readonly [K in keyof T]: Immutable<T[K]> }
    : T;

/** The type that values of a schema have, as nobody may change them. */
export type ValueOf<S extends TSchema> = Immutable<Static<S>>;

export type ErrorReply = ValueOf<typeof schemas.ErrorBody>;
export type Done = ValueOf<typeof schemas.Done>;
export type Removed = ValueOf<typeof schemas.Removed>;
export type Listener = ValueOf<typeof schemas.ListenerBody>;
export type Address = ValueOf<typeof schemas.AddressBody>;
export type OverviewSample = ValueOf<typeof schemas.OverviewSampleBody>;
export type Engine = ValueOf<typeof schemas.EngineBody>;
export type Ca = ValueOf<typeof schemas.CaBody>;
export type Overview = ValueOf<typeof schemas.OverviewBody>;
export type OverviewHistory = ValueOf<typeof schemas.OverviewHistoryBody>;
export type Connection = ValueOf<typeof schemas.ConnectionBody>;
export type Connections = ValueOf<typeof schemas.ConnectionsBody>;
export type Exchange = ValueOf<typeof schemas.ExchangeBody>;
export type Exchanges = ValueOf<typeof schemas.ExchangesBody>;
export type ExchangeBatch = ValueOf<typeof schemas.ExchangeBatchBody>;
export type ExchangeDetail = ValueOf<typeof schemas.ExchangeDetailBody>;
export type ExchangeTiming = ValueOf<typeof schemas.TimingBody>;
export type ResponseRule = ValueOf<typeof schemas.ResponseRuleBody>;
export type ResponseRules = ValueOf<typeof schemas.ResponseRulesBody>;
export type ResponseRuleInput = ValueOf<typeof schemas.ResponseRuleInputBody>;
export type Track = ValueOf<typeof schemas.TrackBody>;
export type Stream = ValueOf<typeof schemas.StreamBody>;
export type Streams = ValueOf<typeof schemas.StreamsBody>;
export type Session = ValueOf<typeof schemas.SessionBody>;
export type Sessions = ValueOf<typeof schemas.SessionsBody>;
export type ClosedStreams = ValueOf<typeof schemas.ClosedStreamsBody>;
export type LogLine = ValueOf<typeof schemas.LogBody>;
export type Logs = ValueOf<typeof schemas.LogsBody>;
export type LogLevelName = ValueOf<typeof schemas.LogLevelName>;
export type RouteModeName = ValueOf<typeof schemas.RouteModeName>;
export type Settings = ValueOf<typeof schemas.SettingsBody>;
export type SettingsPatch = ValueOf<typeof schemas.SettingsPatchBody>;
export type Outbound = ValueOf<typeof schemas.OutboundBody>;
export type Outbounds = ValueOf<typeof schemas.OutboundsBody>;
export type Selection = ValueOf<typeof schemas.SelectionBody>;
export type DelayTest = ValueOf<typeof schemas.DelayTestBody>;
export type DelayResult = ValueOf<typeof schemas.DelayResultBody>;
export type Rule = ValueOf<typeof schemas.RuleBody>;
export type Rules = ValueOf<typeof schemas.RulesBody>;
export type RulePatch = ValueOf<typeof schemas.RulePatchBody>;
export type CaFormat = ValueOf<typeof schemas.CaFormatName>;

export type ExplainInput = ValueOf<typeof routeSchemas.ExplainBody>;
export type ExplainStepRow = ValueOf<typeof routeSchemas.ExplainStepBody>;
export type ExplanationReply = ValueOf<typeof routeSchemas.ExplanationBody>;
export type TemporaryRule = ValueOf<typeof routeSchemas.TemporaryRuleBody>;
export type TemporaryRules = ValueOf<typeof routeSchemas.TemporaryRulesBody>;
export type TemporaryRuleInput = ValueOf<typeof routeSchemas.TemporaryRuleInputBody>;
export type StatisticsKind = ValueOf<typeof routeSchemas.StatisticsKind>;
export type StatisticsTop = ValueOf<typeof routeSchemas.StatisticsTopBody>;
export type StatisticsTimeline = ValueOf<typeof routeSchemas.StatisticsTimelineBody>;
export type ProxyProvider = ValueOf<typeof routeSchemas.ProxyProviderBody>;
export type ProxyProviders = ValueOf<typeof routeSchemas.ProxyProvidersBody>;
export type ProxyProviderDetail = ValueOf<typeof routeSchemas.ProxyProviderDetailBody>;
export type RuleProvider = ValueOf<typeof routeSchemas.RuleProviderBody>;
export type RuleProviders = ValueOf<typeof routeSchemas.RuleProvidersBody>;
export type DnsState = ValueOf<typeof routeSchemas.DnsStateBody>;
export type DnsLogEntry = ValueOf<typeof routeSchemas.DnsLogEntryBody>;
export type DnsLog = ValueOf<typeof routeSchemas.DnsLogBody>;
export type DnsQuery = ValueOf<typeof routeSchemas.DnsQueryBody>;
export type DnsAnswer = ValueOf<typeof routeSchemas.DnsAnswerBody>;
export type DnsRecord = ValueOf<typeof routeSchemas.DnsRecordBody>;
export type GeoDatabases = ValueOf<typeof routeSchemas.GeoDatabasesBody>;
