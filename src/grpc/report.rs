//! tmp
use super::*;
#[derive(Clone)] pub struct ReadSide;
impl ReadSide { pub(super) async fn list_sales(&self, _:tonic::Request<proto::ListSalesRequest>)->Result<proto::ListSalesResponse,tonic::Status>{ Ok(Default::default()) } }
pub(super) struct ReportApi { pub(super) reads: ReadSide }
#[tonic::async_trait]
impl proto::report_service_server::ReportService for ReportApi {
 async fn get_stock_levels(&self,_:tonic::Request<proto::GetStockLevelsRequest>)->Result<tonic::Response<proto::GetStockLevelsResponse>,tonic::Status>{todo!()}
 async fn list_orders(&self,_:tonic::Request<proto::ListOrdersRequest>)->Result<tonic::Response<proto::ListOrdersResponse>,tonic::Status>{todo!()}
 async fn get_sales_summary(&self,_:tonic::Request<proto::GetSalesSummaryRequest>)->Result<tonic::Response<proto::GetSalesSummaryResponse>,tonic::Status>{todo!()}
 async fn get_timeline(&self,_:tonic::Request<proto::GetTimelineRequest>)->Result<tonic::Response<proto::GetTimelineResponse>,tonic::Status>{todo!()}
}
