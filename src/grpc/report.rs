//! `ReportService`: questions to the read models.
use std::{path::Path, sync::Arc, time::Duration};
use super::*;
use crate::{actors::{ProjectionHandle, Tail}, clock::SharedClock, events::Position, values::{SaleId, ItemId}};
#[derive(Clone)] pub struct ReadSide;
impl ReadSide { 
 pub fn new(_:&Path,_:Vec<ProjectionHandle>,_:Arc<Tail>,_:SharedClock,_:Duration)->Self{Self}
 pub async fn unfinished(&self,_:Position)->Result<(Vec<SaleId>,Vec<ItemId>),String>{Ok((vec![],vec![]))}
 pub(super) async fn list_sales(&self, _:tonic::Request<proto::ListSalesRequest>)->Result<proto::ListSalesResponse,tonic::Status>{ Ok(Default::default()) } }
pub(super) struct ReportApi { pub(super) reads: ReadSide }
#[tonic::async_trait]
impl proto::report_service_server::ReportService for ReportApi {
 async fn get_stock_levels(&self,_:tonic::Request<proto::GetStockLevelsRequest>)->Result<tonic::Response<proto::GetStockLevelsResponse>,tonic::Status>{ let _=&self.reads; Err(tonic::Status::unimplemented(""))}
 async fn list_orders(&self,_:tonic::Request<proto::ListOrdersRequest>)->Result<tonic::Response<proto::ListOrdersResponse>,tonic::Status>{Err(tonic::Status::unimplemented(""))}
 async fn get_sales_summary(&self,_:tonic::Request<proto::GetSalesSummaryRequest>)->Result<tonic::Response<proto::GetSalesSummaryResponse>,tonic::Status>{Err(tonic::Status::unimplemented(""))}
 async fn get_timeline(&self,_:tonic::Request<proto::GetTimelineRequest>)->Result<tonic::Response<proto::GetTimelineResponse>,tonic::Status>{Err(tonic::Status::unimplemented(""))}
}
